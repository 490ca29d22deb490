"""Properties files of Kafka's clients as ``[kafka]``: what services give, and what is refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from converters.config import load
from converters.config.load import ConfigError
from converters.config.properties_file import PropertiesError
from converters.config.settings import Settings
from tests.converters.config.test_key_stores import (
    CLIENT,
    IDENTITY,
    MIDDLE,
    PASSWORD,
    ROOT,
    TRUSTED,
    pem,
)
from tests.converters.config.test_load import GOOD

Read = Callable[..., Settings]
MODULE = "org.apache.kafka.common.security"

CONFLUENT = f"""\
# Required connection configs for Kafka producer, consumer, and admin
bootstrap.servers=pkc-1.aws.confluent.cloud:9092
security.protocol=SASL_SSL
sasl.jaas.config={MODULE}.plain.PlainLoginModule required username='KEY' password='x/9+=;y';
sasl.mechanism=PLAIN
# Required for correctness in Apache Kafka clients prior to 2.6
client.dns.lookup=use_all_dns_ips
# Best practice for higher availability in Apache Kafka clients prior to 3.0
session.timeout.ms=45000
acks=all
client.id=ccloud-java-client-1
schema.registry.url=https://psrc-1.aws.confluent.cloud
basic.auth.credentials.source=USER_INFO
basic.auth.user.info=SECRET:SECRET
"""
LIBRDKAFKA = """\
bootstrap.servers=h:9092
security.protocol=sasl_ssl
sasl.mechanisms=PLAIN
sasl.username=KEY
sasl.password=x/9+=;y
"""
MSK = f"""\
bootstrap.servers=b-1.msk.aws:9096,b-2.msk.aws:9096
security.protocol=SASL_SSL
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config={MODULE}.scram.ScramLoginModule required \\
  username="alice" \\
  password="a\\\\\\"b";
ssl.truststore.location=trust.jks
ssl.truststore.password=SECRET
"""
AIVEN = """\
bootstrap.servers=kafka-1.aivencloud.com:12835
security.protocol=SSL
ssl.endpoint.identification.algorithm=
ssl.truststore.location=trust.jks
ssl.truststore.password=SECRET
ssl.keystore.type=PKCS12
ssl.keystore.location=key.p12
ssl.keystore.password=SECRET
ssl.key.password=SECRET
"""
EVENT_HUBS = f"""\
bootstrap.servers=ns.servicebus.windows.net:9093
security.protocol=SASL_SSL
sasl.mechanism=PLAIN
sasl.jaas.config={MODULE}.plain.PlainLoginModule required username="$ConnectionString" \
password="Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=N;SharedAccessKey=k=";
"""
TOKEN_FILE = f"""\
bootstrap.servers=h:9092
security.protocol=SASL_SSL
sasl.mechanism=OAUTHBEARER
sasl.login.callback.handler.class={MODULE}.oauthbearer.OAuthBearerLoginCallbackHandler
sasl.oauthbearer.token.endpoint.url=file:///run/secrets/a%20token
sasl.jaas.config={MODULE}.oauthbearer.OAuthBearerLoginModule required \
extension_logicalCluster="lkc-1" extension_identityPoolId="pool-1";
sasl.login.refresh.window.factor=0.8
"""


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Loads a config with a properties file, more of freshet.toml, and variables."""
    for variable in list(os.environ):
        if variable.startswith(load.PREFIX):
            monkeypatch.delenv(variable)
    config, file = tmp_path / "freshet.toml", tmp_path / "keys" / "client.properties"
    file.parent.mkdir()
    (file.parent / "trust.jks").write_bytes(TRUSTED)
    (file.parent / "key.p12").write_bytes(IDENTITY)

    def call(
        text: str, toml: str = "", tell: Callable[[str], Any] = lambda _: None, **variables: str
    ) -> Settings:
        file.write_text(text.replace("=SECRET", f"={PASSWORD}"), encoding="utf-8")
        config.write_text(GOOD.replace("[label]", f"{toml}\n[label]", 1), encoding="utf-8")
        for name, value in variables.items():
            monkeypatch.setenv(f"{load.PREFIX}{name}", value)
        return load.load(config, file, tell)

    return call


def said(settings: Settings) -> dict[str, Any]:
    """What the file gave, without its own path; secrets as text."""
    values = settings.kafka.model_dump(exclude_unset=True, exclude={"properties"})
    return {k: getattr(v, "get_secret_value", lambda v=v: v)() for k, v in values.items()}


USER = {"sasl_plain_username": "KEY", "sasl_plain_password": "x/9+=;y"}


@pytest.mark.parametrize(
    ("text", "log", "values"),
    [
        (CONFLUENT, "kafka://pkc-1.aws.confluent.cloud:9092", {"sasl_mechanism": "PLAIN", **USER}),
        (LIBRDKAFKA, "kafka://h:9092", {"sasl_mechanism": "PLAIN", **USER}),
        (
            MSK,
            "kafka://b-1.msk.aws:9096,b-2.msk.aws:9096",
            {
                "sasl_mechanism": "SCRAM-SHA-512",
                "sasl_plain_username": "alice",
                "sasl_plain_password": 'a"b',
                "ssl_ca_pem": pem(ROOT),
            },
        ),
        (
            EVENT_HUBS,
            "kafka://ns.servicebus.windows.net:9093",
            {
                "sasl_mechanism": "PLAIN",
                "sasl_plain_username": "$ConnectionString",
                "sasl_plain_password": "Endpoint=sb://ns.servicebus.windows.net/;"
                "SharedAccessKeyName=N;SharedAccessKey=k=",
            },
        ),
        (
            TOKEN_FILE,
            "kafka://h:9092",
            {
                "sasl_mechanism": "OAUTHBEARER",
                "oauth_token_file": Path("/run/secrets/a token"),
                "oauth_extensions": {"logicalCluster": "lkc-1", "identityPoolId": "pool-1"},
            },
        ),
    ],
)
def test_files_of_services_are_read(
    read: Read, text: str, log: str, values: dict[str, Any]
) -> None:
    """As a service's pages show them, for Java's clients and for librdkafka's."""
    settings = read(text)
    assert settings.log == log
    found = said(settings)
    assert found.pop("security_protocol") == "SASL_SSL"
    assert {name: found[name] for name in values} == values
    assert set(found) - set(values) <= {"client_id", "client_dns_lookup"}


def test_stores_are_read_by_content(read: Read) -> None:
    """A client certificate as Aiven and Strimzi give it; `.jks` that is PKCS12; no host check."""
    found = said(read(AIVEN))
    assert found.pop("ssl_key_pem").startswith("-----BEGIN PRIVATE KEY-----")
    assert found == {
        "security_protocol": "SSL",
        "ssl_check_hostname": False,
        "ssl_ca_pem": pem(ROOT),
        "ssl_cert_pem": pem(CLIENT, MIDDLE, ROOT),
    }


def test_pem_is_read_from_the_file_or_beside_it(read: Read, tmp_path: Path) -> None:
    """Inline on one line or with line ends, as text; in files, as paths from the file's folder."""
    inline = pem(ROOT).replace("\n", "\\n")
    found = said(
        read(
            f"security.protocol=SSL\nssl.truststore.type=PEM\nssl.truststore.certificates={inline}"
            f"\nssl.keystore.certificate.chain={pem(CLIENT).replace(chr(10), ' ')}"
            f"\nssl.keystore.key={pem(CLIENT).replace('CERTIFICATE', 'PRIVATE KEY')!r}".replace(
                "'", ""
            ),
            'log = "kafka://h:1"',
        )
    )
    assert found["ssl_ca_pem"] == pem(ROOT)
    assert found["ssl_cert_pem"] == pem(CLIENT)
    assert found["ssl_key_pem"].startswith("-----BEGIN PRIVATE KEY-----\n")
    (tmp_path / "keys" / "ca.pem").write_text(pem(ROOT))
    for key in ("ssl.truststore.location", "ssl.ca.location"):
        found = said(read(f"security.protocol=SSL\n{key}=ca.pem", 'log = "kafka://h:1"'))
        assert found["ssl_cafile"] == tmp_path / "keys" / "ca.pem"
    found = said(
        read(
            "security.protocol=SSL\nssl.certificate.location=ca.pem\nssl.key.location=/k.pem\n"
            "ssl.key.password=p\nssl.ca.location=probe",
            'log = "kafka://h:1"',
        )
    )
    assert found["ssl_certfile"] == tmp_path / "keys" / "ca.pem"
    assert (found["ssl_keyfile"], found["ssl_password"]) == (Path("/k.pem"), "p")
    assert "ssl_cafile" not in found


def test_keys_that_are_not_used_are_named(read: Read) -> None:
    """In one sentence, and without their values."""
    told: list[str] = []
    read(CONFLUENT, "", told.append)
    (sentence,) = told
    assert "session.timeout.ms, acks, schema.registry.url, basic.auth" in sentence
    assert (PASSWORD in sentence, "sasl" in sentence) == (False, False)
    read("bootstrap.servers=h:1\n", "", told.append)
    read("bootstrap.servers=h:1\nacks=1\nhunter2\n-----BEGIN X-----\nA/b=\n", "", told.append)
    assert [": acks, …. Freshet" in each for each in told[1:]] == [True]


def test_what_the_protocol_has_no_use_for_is_not_read(read: Read) -> None:
    """A store that is not there hinders nobody who connects without TLS, as in Java."""
    told: list[str] = []
    text = "security.protocol=PLAINTEXT\nssl.truststore.location=gone\nsasl.mechanism=GSSAPI"
    found = said(read(text, 'log = "kafka://h:1"', told.append))
    assert found == {"security_protocol": "PLAINTEXT"}
    assert "ssl.truststore.location, sasl.mechanism" in told[0]


def test_what_is_left_over_in_a_file_hinders_nobody(read: Read) -> None:
    """A key's password without a key, a user beside a token, a token's address beside a user."""
    found = said(read("security.protocol=SSL\nssl.key.password=p", 'log = "kafka://h:1"'))
    assert found == {"security_protocol": "SSL"}
    read(TOKEN_FILE + "sasl.username=u\nsasl.password=p\n")
    read(LIBRDKAFKA + "sasl.oauthbearer.token.endpoint.url=https://idp\nsasl.kerberos.min=1")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("bootstrap.servers=SECRET:SECRET@h:1", "line 1: .*HOST:PORT"),
        ("security.protocol=TLS", "line 1: the key 'security.protocol' is wrong: .*'SASL_SSL'"),
        ("\n\nsasl.username=u", "line 3: .*'sasl.username' .*security.protocol"),
        ("security.protocol=SASL_SSL\nsasl.mechanism=GSSAPI", "line 2: .*OAUTHBEARER"),
        ("security.protocol=SASL_SSL\nsasl.mechanism=AWS_MSK_IAM", "line 2: .*cloud's own"),
        (
            (
                f"security.protocol=SASL_SSL\nsasl.jaas.config={MODULE}.scram.ScramLoginModule "
                "required username='u' password='SECRET';"
            ),
            "line 2: .*sasl.mechanism",
        ),
        (
            (
                f"security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-256\nsasl.jaas.config={MODULE}"
                ".plain.PlainLoginModule required username='u' password='SECRET';"
            ),
            "line 3: .*should be ScramLoginModule",
        ),
        (
            "security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\nsasl.jaas.config=user:SECRET",
            "line 3: .*PlainLoginModule required",
        ),
        (
            (
                "security.protocol=SASL_SSL\nsasl.mechanism=OAUTHBEARER\n"
                "sasl.oauthbearer.token.endpoint.url=https://idp/SECRET"
            ),
            "line 3: .*oauth_token_command",
        ),
        (
            (
                "security.protocol=SASL_SSL\nsasl.mechanism=OAUTHBEARER\n"
                "sasl.login.callback.handler.class=com.example.SECRET"
            ),
            "line 3: .*class of Java.*oauth_token_command",
        ),
        (
            (
                "security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\n"
                "sasl.password=${file:/etc/SECRET:password}"
            ),
            "line 3: .*config provider.*FRESHET_KAFKA__",
        ),
        ("security.protocol=SASL_SSL\nsasl.username={{ SECRET }}", "line 2: .*template's place"),
        ("security.protocol=SSL\nssl.engine.factory.class=SECRET", "'ssl.engine.factory.class'"),
        ("security.protocol=SSL\nsecurity.providers=SECRET", "'security.providers'"),
        ("security.protocol=SSL\nssl.enabled.protocols=TLSv1.1,TLSv1.2", "line 2: .*TLSv1.3"),
        ("security.protocol=SSL\nssl.cipher.suites=TLS_AES_128_GCM_SHA256", "ssl_ciphers"),
        ("security.protocol=SSL\nenable.ssl.certificate.verification=false", "ssl.ca.location"),
        ("security.protocol=SSL\nssl.endpoint.identification.algorithm=x", "should be https"),
        ("security.protocol=SSL\nssl.ca.pem=SECRET", "line 2: .*-----BEGIN"),
        ("security.protocol=SSL\nssl.truststore.location=gone", "gone cannot be read: No"),
        (
            (
                "security.protocol=SSL\nssl.truststore.location=trust.jks\n"
                "ssl.truststore.password=xSECRET"
            ),
            "line 2: .*trust.jks .*password of line 3: Invalid password",
        ),
        (
            "security.protocol=SSL\nssl.keystore.location=key.p12",
            "line 2: .*key.p12 .*no ssl.keystore.password",
        ),
        ("security.protocol=SSL\nssl.keystore.location=client.properties", "PKCS12 or JKS"),
    ],
)
def test_what_cannot_be_meant_is_refused(read: Read, text: str, says: str) -> None:
    """File, line and key, what would be right, and never the value."""
    with pytest.raises(PropertiesError, match=says) as told:
        read(text, 'log = "kafka://h:1"')
    assert "client.properties" in str(told.value)
    assert "SECRET" not in str(told.value)
    assert PASSWORD not in str(told.value)


def test_a_key_in_a_jks_store_is_refused_with_the_command(read: Read, tmp_path: Path) -> None:
    """The line that converts it can be pasted."""
    store = tmp_path / "keys" / "client.jks"
    store.write_bytes(b"\xfe\xed\xfe\xed" + bytes(40))
    command = f"keytool -importkeystore -srckeystore {store} -destkeystore {store.stem}"
    with pytest.raises(PropertiesError, match=command.replace("client", ".*client")):
        read("bootstrap.servers=h:1\nsecurity.protocol=SSL\nssl.keystore.location=client.jks")


def test_config_and_environment_override_the_file(read: Read) -> None:
    """Key by key: the environment first, then [kafka], then the file."""
    toml = '[kafka]\nsasl_plain_username = "toml"\nclient_id = "toml"'
    settings = read(CONFLUENT, toml, KAFKA__CLIENT_ID="variable")
    found = said(settings)
    assert (found["client_id"], found["sasl_plain_username"]) == ("variable", "toml")
    assert found["sasl_plain_password"] == "x/9+=;y"


def test_one_way_of_two_replaces_the_other(read: Read) -> None:
    """A password's file in [kafka] over a password, a certificate over a store with its key."""
    tls = '[kafka]\nssl_cafile = "ca"\nssl_certfile = "c"'
    found = said(read(AIVEN, tls))
    assert {"ssl_ca_pem", "ssl_cert_pem", "ssl_key_pem"} & set(found) == set()
    password = '[kafka]\nsasl_plain_password_file = "p"'
    assert "sasl_plain_password" not in said(read(MSK, password))
    found = said(read(MSK, password, KAFKA__SASL_PLAIN_PASSWORD="v"))
    assert "sasl_plain_password_file" not in found
    assert found["sasl_plain_password"] == "v"


def test_a_token_of_ones_own_replaces_the_endpoint(read: Read) -> None:
    """What a file says of Java's ways to a token does not matter where [kafka] has one."""
    text = TOKEN_FILE.replace("file:///run", "https://idp").replace("oauthbearer.OAuth", "o.Other")
    found = said(read(text, '[kafka]\noauth_token_command = "token"'))
    assert found["oauth_token_command"] == "token"
    assert found["oauth_extensions"]["logicalCluster"] == "lkc-1"
    assert "oauth_token_file" not in found


@pytest.mark.parametrize("log", ["", 'log = "kafka://"'])
def test_the_brokers_come_from_the_file(read: Read, log: str) -> None:
    """Where the config names none; several, with blanks and the protocols that Java allows."""
    given = "bootstrap.servers = SSL://a:1 , b_1.c:2,[::1]:3,"
    assert read(given, log).log == "kafka://a:1,b_1.c:2,[::1]:3"
    with pytest.raises(ConfigError, match=r"client\.properties has no bootstrap.servers"):
        read("acks=all", log)


def test_the_configs_log_comes_first(read: Read) -> None:
    """Its brokers are taken; a log that is no Kafka contradicts the option."""
    told: list[str] = []
    assert read(CONFLUENT, 'log = "kafka://mine:9"', told.append).log == "kafka://mine:9"
    assert "info, bootstrap.servers." in told[0]
    assert read(CONFLUENT, "", LOG="kafka://env:9").log == "kafka://env:9"
    with pytest.raises(ConfigError, match=r"--kafka-config .*is for a log in Kafka.*sqlite"):
        read(CONFLUENT, 'log = "sqlite:///x.db"', LOG="sqlite:///x.db")


def test_the_config_may_name_the_file(read: Read, tmp_path: Path) -> None:
    """By its path from the config's folder; a log of another kind leaves it alone."""
    read(LIBRDKAFKA, '[kafka]\nproperties = "keys/client.properties"')
    config = tmp_path / "freshet.toml"
    settings = load.load(config)
    assert settings.log == "kafka://h:9092"
    assert settings.kafka.properties == tmp_path / "keys" / "client.properties"
    config.write_text(f'log = "sqlite:///x.db"\n{config.read_text()}')
    assert "sasl_plain_username" not in said(load.load(config))


def test_paths_of_the_config_begin_at_its_folder(read: Read, tmp_path: Path) -> None:
    """As everywhere else in the file."""
    text = "bootstrap.servers=h:1\nsecurity.protocol=SSL"
    settings = read(text, '[kafka]\nssl_cafile = "ca.pem"')
    assert settings.kafka.ssl_cafile == tmp_path / "ca.pem"
