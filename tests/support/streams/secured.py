"""The listeners of the tests' broker that ask for a login or speak TLS, and who may use them.

The shared broker has them beside its plain one. A test asks for the fixture ``secured_kafka``::

    def test_something(secured_kafka: Secured) -> None:
        settings = KafkaSettings(
            security_protocol="SASL_SSL", sasl_mechanism="SCRAM-SHA-512",
            sasl_plain_username=USER, sasl_plain_password=PASSWORD, ssl_cafile=secured_kafka.ca,
        )
        url = f"kafka://{secured_kafka.login}"

Every listener is on ``localhost``; the brokers' certificates name that and not ``127.0.0.1``, so
calling the latter (``secured_kafka.by_number(address)``) is a host name that does not fit.

Whoever comes in by the plain listener is ``User:ANONYMOUS`` and may do everything. The others may
do what no ACL speaks of: where a resource has any, they need one. So a test of ACLs takes topics,
and users (:func:`scram_user`), of its own. An ACL of the cluster would shut out everybody else:
allow ``User:*`` everything together with it, and never remove that.

The broker takes any unsecured token (``{"alg":"none"}``) for OAUTHBEARER: :func:`unsecured_token`.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

# A user of PLAIN and of both SCRAM mechanisms.
USER, PASSWORD = "freshet", "correct horse=battery;staple"
# What a managed service calls an API key and its secret: PLAIN only.
API_KEY, API_SECRET = "QZ7NTESTAPIKEY42", "xK/9+sEcReT=of=the+api/key"
# Of the encrypted copy of the client's key, `client-locked.key`.
KEY_PASSWORD = "locked"
# Whom a client with the certificate is, as Kafka writes it.
CLIENT_PRINCIPAL = "User:CN=freshet-client"

LISTENERS = {"LOGIN": "SASL_SSL", "CLEAR": "SASL_PLAINTEXT", "MUTUAL": "SSL", "EXPIRED": "SSL"}

PLAIN_USERS = f'user_{USER}="{PASSWORD}" user_{API_KEY}="{API_SECRET}"'
LOGIN = """\
listener.name.{name}.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER
listener.name.{name}.plain.sasl.jaas.config=\
org.apache.kafka.common.security.plain.PlainLoginModule required {users};
listener.name.{name}.scram-sha-256.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.{name}.scram-sha-512.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.{name}.oauthbearer.sasl.jaas.config=\
org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required \
unsecuredLoginStringClaim_sub="broker";
"""
# On this listener a login is good for so long, and is then repeated on the same connection.
SESSION_SECONDS = 2.0
SESSION = "listener.name.clear.connections.max.reauth.ms={ms}\n"
TLS = """\
listener.name.{name}.ssl.keystore.type=PEM
listener.name.{name}.ssl.keystore.location={certificates}/{certificate}.pem
listener.name.{name}.ssl.truststore.type=PEM
listener.name.{name}.ssl.truststore.location={certificates}/ca.pem
listener.name.{name}.ssl.client.auth={client}
"""
AUTHORIZER = """\
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
allow.everyone.if.no.acl.found=true
"""


@dataclass(frozen=True)
class Secured:
    """Addresses of the listeners, and the certificates that go with them.

    Attributes:
        login: SASL_SSL with PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER.
        clear: SASL_PLAINTEXT with the same mechanisms; a login holds for
            :data:`SESSION_SECONDS`.
        mutual: SSL; asks for a client certificate.
        expired: SSL; the broker's certificate expired yesterday.
        plain: the plain listener of the same broker, for what only an administrator may do.
        certificates: a folder with ``ca.pem``; ``client.pem`` (key and chain), ``client.crt``,
            ``client.key``, ``client-locked.key`` (password :data:`KEY_PASSWORD`),
            ``client-expired.crt`` of the same key; ``broker.pem``.
    """

    login: str
    clear: str
    mutual: str
    expired: str
    plain: str
    certificates: Path

    @property
    def ca(self) -> Path:
        """The certificate of the CA that issued the brokers'."""
        return self.certificates / "ca.pem"

    @staticmethod
    def by_number(address: str) -> str:
        """The same listener by a name that its certificate does not have."""
        return address.replace("localhost", "127.0.0.1")


def listener_properties(certificates: Path) -> str:
    """The broker's properties of these listeners, without ``listeners`` itself."""
    text = AUTHORIZER + SESSION.format(ms=int(SESSION_SECONDS * 1000))
    for name, protocol in LISTENERS.items():
        low = name.lower()
        text += f"listener.name.{low}.num.network.threads=1\n"
        if protocol.startswith("SASL"):
            text += LOGIN.format(name=low, users=PLAIN_USERS)
        if protocol.endswith("SSL"):
            text += TLS.format(
                name=low,
                certificates=certificates,
                certificate="broker-expired" if name == "EXPIRED" else "broker",
                client="required" if name == "MUTUAL" else "none",
            )
    return text


def scram_options() -> list[str]:
    """What ``kafka-storage format`` is told, so that :data:`USER` is there from the start."""
    return [
        each
        for number in (256, 512)
        for each in ("--add-scram", f'SCRAM-SHA-{number}=[name="{USER}",password="{PASSWORD}"]')
    ]


def scram_user(secured: Secured, name: str, password: str) -> None:
    """Have a user of both SCRAM mechanisms, or give it another password."""
    # It reads kafka-python without the warnings that Python 3.11 has for it.
    from stream.log_kafka.client import Admin  # noqa: I001
    from kafka.admin import ScramMechanism, UserScramCredentialUpsertion

    with closing(Admin(bootstrap_servers=secured.plain)) as admin:
        for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
            wanted = UserScramCredentialUpsertion(name, mechanism, password.encode())
            answer = admin.alter_user_scram_credentials([wanted])
            assert answer == {name: None}, answer


def unsecured_token(subject: str, *, seconds: float = 3600) -> str:
    """A token that the broker takes for OAUTHBEARER, of a principal, valid for so long."""
    now = time.time()
    parts = ({"alg": "none"}, {"sub": subject, "iat": now, "exp": now + seconds})
    encoded = (base64.urlsafe_b64encode(json.dumps(each).encode()) for each in parts)
    return ".".join(each.rstrip(b"=").decode() for each in encoded) + "."


def make_certificates(folder: Path) -> None:
    """A CA, and certificates of the broker and a client: one that is valid, one that is not."""
    assert shutil.which("openssl"), "`prepare` looked for it"
    ca = "req -x509 -key ca.key -days 3650 -subj /CN=freshet-tests-ca -out ca.pem"
    _openssl(folder, _key("ca"), ca)
    names = {"broker": "localhost", "client": "freshet-client"}
    for owner, name in names.items():
        (folder / "names").write_text("subjectAltName=DNS:localhost" if owner == "broker" else "")
        asked = f"req -new -key {owner}.key -subj /CN={name} -out {owner}.csr"
        issued = f"x509 -req -in {owner}.csr -CA ca.pem -CAkey ca.key -CAcreateserial"
        late = f"{issued} -extfile names -days -1 -out {owner}-expired.crt"
        _openssl(folder, _key(owner), asked, late)
        _openssl(folder, f"{issued} -extfile names -days 3650 -out {owner}.crt")
        for each in (owner, f"{owner}-expired"):
            chain = (f"{owner}.key", f"{each}.crt", "ca.pem")
            (folder / f"{each}.pem").write_text("".join((folder / n).read_text() for n in chain))
    _openssl(
        folder,
        f"pkcs8 -topk8 -in client.key -passout pass:{KEY_PASSWORD} -out client-locked.key",
    )


def _key(owner: str) -> str:
    return f"genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {owner}.key"


def _openssl(folder: Path, *commands: str) -> None:
    for command in commands:
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)
