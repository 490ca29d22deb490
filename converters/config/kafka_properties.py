"""A properties file of Kafka's clients, read as it is: what it means for ``[kafka]``.

The keys are those of Java's clients and of librdkafka. Keys about security that are not known are
refused, for without them others might be trusted. Further keys that Freshet sets itself, or has
no use for, are named and passed over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import unquote, urlsplit

from converters.config import login_module
from converters.config.kafka_settings import CERTIFICATE, MECHANISMS, OF_CERTIFICATE, KafkaSettings
from converters.config.login_module import LoginModule
from converters.config.properties_file import PropertiesError, PropertiesFile, Property

SECURITY = ("sasl.", "ssl.", "security.", "enable.ssl.")
# Keys about security that change nothing here: retries, parts of Java, and of tokens all but the
# address that they come from.
WITHOUT_MEANING = re.compile(
    r"sasl\.login\.(refresh|retry|connect|read)\..*|sasl\.kerberos\..*|sasl\.server\..*"
    r"|sasl\.oauthbearer\..*"
    r"|ssl\.(keymanager|trustmanager)\.algorithm|ssl\.secure\.random\.implementation"
)
OWN_HANDLER = re.compile(r".*\.OAuthBearerLoginCallbackHandler")
TLS_VERSIONS = {"TLS", "TLSv1.2", "TLSv1.3"}
KEY = re.compile(r"[A-Za-z]\w*([.-]\w+)*")
SERVER = re.compile(r"([\w.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
# Keys that only a login or TLS has, and which of them.
TELLING = re.compile(r"sasl\.(jaas\.config|username)|ssl\.(truststore|keystore|ca)\.(location|pem)")


@dataclass(frozen=True)
class KafkaFile:
    """What a properties file says.

    Attributes:
        values: the values of ``[kafka]``.
        servers: the brokers, with commas; empty if it names none.
        unused: the keys that are not used, in the file's order; "…" for what is no key.
    """

    values: Mapping[str, Any]
    servers: str
    unused: tuple[str, ...]


def read(path: Path, given: Mapping[str, Any]) -> KafkaFile:
    """Read a properties file.

    Args:
        path: the file.
        given: the values of ``[kafka]`` that override it. A login or TLS that the protocol in
            force does not have is not read.

    Raises:
        PropertiesError: it cannot be read, or a value is wrong; the message tells no value.
    """
    file = PropertiesFile(path)
    servers = _servers(file)
    file.setting("security.protocol", "security_protocol", str.upper)
    protocol = str(given.get("security_protocol") or file.values.get("security_protocol", ""))
    if not protocol and (telling := next(filter(TELLING.fullmatch, file.held), None)):
        file.wrong(
            file.held[telling],
            "without security.protocol, Kafka's clients use neither a login nor TLS; add "
            "security.protocol=SASL_SSL, or SSL, before it",
        )
    unread = {"sasl.", "ssl.", "enable.ssl."}
    if protocol.startswith("SASL"):
        unread -= {"sasl."}
        _read_login(file, given)
    if protocol.endswith("SSL"):
        unread -= {"ssl.", "enable.ssl."}
        _read_checks(file)
        _read_trusted(file)
        _read_identity(file, given)
    unused = [p for p in file.left() if not _is_option(file, p, tuple(unread))]
    # What does not look like a key may be a secret that got onto a line of its own.
    named = [p.key for p in unused if KEY.fullmatch(p.key) and (p.value or "." in p.key)]
    return KafkaFile(file.values, servers, (*named, *(["…"] if len(named) < len(unused) else [])))


def _servers(file: PropertiesFile) -> str:
    found = file.get("bootstrap.servers") or file.get("metadata.broker.list")
    if found is None:
        return ""
    # Java allows a protocol before each, and a comma at the end.
    servers = [re.sub(r"^\w+://", "", each.strip()) for each in found.value.split(",")]
    servers = [each for each in servers if each]
    if not all(SERVER.fullmatch(each) for each in servers):
        file.wrong(found, "it should be HOST:PORT, or several with commas between them")
    return ",".join(servers)


def _is_option(file: PropertiesFile, found: Property, unread: tuple[str, ...]) -> bool:
    """Take another client option that ``[kafka]`` has by its name; whether it does.

    Raises:
        PropertiesError: it is about security, and not known.
    """
    name = found.key.replace(".", "_")
    if found.key.startswith(SECURITY):
        if found.key.startswith(unread) or WITHOUT_MEANING.fullmatch(found.key) or not found.value:
            return False
        raise PropertiesError(
            f"In {file.path}, line {found.line}: Freshet does not know the key '{found.key}', and "
            "without what it asks for, the connection might be less secure than it should be. "
            "Remove it, or set what [kafka] has for it (docs/configuration.md)."
        )
    if name not in KafkaSettings.model_fields or name == "properties" or found.value == "-1":
        return False  # -1 is Java's for a default
    file.setting(found.key, name)
    return name in file.values


def _read_login(file: PropertiesFile, given: Mapping[str, Any]) -> None:
    """Mechanism, user and password, or token."""
    jaas = file.get("sasl.jaas.config")
    module = None
    if jaas is not None:
        try:
            module = login_module.parse(jaas.value)
        except ValueError as error:
            file.wrong(jaas, str(error))
    mechanism = str(given.get("sasl_mechanism") or "") or _mechanism(file, jaas, module)
    if mechanism == "OAUTHBEARER":
        _read_token(file, module, given)
        return
    file.setting("sasl.username", "sasl_plain_username")
    file.setting("sasl.password", "sasl_plain_password")
    if jaas is not None and module is not None:
        _read_user(file, jaas, module, mechanism)


def _mechanism(file: PropertiesFile, jaas: Property | None, module: LoginModule | None) -> str:
    """The mechanism that the file states, or that its login module can only mean."""
    stated = file.get("sasl.mechanism") or file.get("sasl.mechanisms")
    if stated is not None:
        if stated.value.upper() not in MECHANISMS:
            file.wrong(
                stated,
                f"Freshet logs in with {', '.join(MECHANISMS)}. Ask the brokers' administrator for "
                "a listener with one of them; a cloud's own identities often come as OAUTHBEARER, "
                "for which [kafka] has oauth_token_command",
            )
        mechanism = stated.value.upper()
    elif module is not None and module.name in ("PlainLoginModule", "OAuthBearerLoginModule"):
        mechanism = "PLAIN" if module.name.startswith("Plain") else "OAUTHBEARER"
    elif jaas is not None:
        file.wrong(jaas, f"beside it there should be sasl.mechanism, {' or '.join(MECHANISMS)}")
    else:
        return ""
    file.values["sasl_mechanism"] = mechanism
    return mechanism


def _read_user(file: PropertiesFile, jaas: Property, module: LoginModule, mechanism: str) -> None:
    expected = "PlainLoginModule" if mechanism == "PLAIN" else "ScramLoginModule"
    if module.name != expected:
        file.wrong(jaas, f"with the mechanism {mechanism} its module should be {expected}")
    if module.options.get("tokenauth", "false") != "false":
        file.wrong(jaas, "it logs in with a delegation token; it should be with a user of SCRAM")
    for option, name in (("username", "sasl_plain_username"), ("password", "sasl_plain_password")):
        if option in module.options:
            file.take(jaas, name, module.options[option])


def _read_token(file: PropertiesFile, module: LoginModule | None, given: Mapping[str, Any]) -> None:
    """The file of a token, and its extensions."""
    options = module.options if module else {}
    mark = "extension_"
    pairs = [(k.removeprefix(mark), v) for k, v in options.items() if k.startswith(mark)]
    for pair in filter(None, (file.text("sasl.oauthbearer.extensions") or "").split(",")):
        name, _, value = pair.partition("=")
        pairs.append((name.strip(), value.strip()))
    if pairs:
        file.values["oauth_extensions"] = dict(pairs)
    handler = file.get("sasl.login.callback.handler.class")
    endpoint = file.get("sasl.oauthbearer.token.endpoint.url")
    file.ask("sasl.username", "sasl.password")
    if given.get("oauth_token_command") or given.get("oauth_token_file"):
        return
    if handler is not None and not OWN_HANDLER.fullmatch(handler.value):
        _refuse_token(file, handler, "it is a class of Java, which cannot run here")
    if endpoint is not None:
        url = urlsplit(endpoint.value)
        if url.scheme != "file":
            _refuse_token(file, endpoint, "Freshet gets no token from an address itself")
        file.take(endpoint, "oauth_token_file", Path(unquote(url.path)))


def _refuse_token(file: PropertiesFile, found: Property, why: str) -> NoReturn:
    file.wrong(
        found,
        f"{why}. Set oauth_token_command in [kafka] to a program that gets a token and prints it "
        "(docs/kafka.md shows one), or oauth_token_file to a file that is kept up to date",
    )


def _read_checks(file: PropertiesFile) -> None:
    """How a broker's certificate is checked."""
    file.ask("ssl.endpoint.identification.algorithm")
    checked = file.held.get("ssl.endpoint.identification.algorithm")
    if checked is not None and checked.value.lower() not in ("", "none", "https"):
        file.wrong(checked, "it should be https, or empty for no check of the host name")
    if checked is not None and checked.value.lower() != "https":
        file.values["ssl_check_hostname"] = False
    verified = file.get("enable.ssl.certificate.verification")
    if verified is not None and verified.value.lower() != "true":
        file.wrong(
            verified,
            "Freshet always verifies the brokers' certificates; remove the key, and name their CA "
            "with ssl.ca.location",
        )
    for key in ("ssl.protocol", "ssl.enabled.protocols"):
        versions = file.get(key)
        if versions is not None and not {*re.split(r"[\s,]+", versions.value)} <= TLS_VERSIONS:
            file.wrong(versions, "Freshet speaks TLSv1.2 and TLSv1.3; it should name no others")
    ciphers = file.get("ssl.cipher.suites")
    if ciphers is not None and "TLS_" in ciphers.value:
        file.wrong(
            ciphers, "these are Java's names; set ssl_ciphers in [kafka], in OpenSSL's notation"
        )
    file.setting("ssl.cipher.suites", "ssl_ciphers")
    if (revoked := file.get("ssl.crl.location")) is not None:
        file.take(revoked, "ssl_crlfile", file.place(revoked))


def _read_trusted(file: PropertiesFile) -> None:
    """The CA certificates."""
    store = "ssl.truststore"
    file.ask(f"{store}.type", f"{store}.password")
    for key in ("ssl.ca.pem", f"{store}.certificates"):
        _take_pem(file, key, "ssl_ca_pem")
    located = file.get("ssl.ca.location")
    if located is not None and located.value != "probe":  # librdkafka's for the system's own
        file.take(located, "ssl_cafile", file.place(located))
    if (found := file.get(f"{store}.location")) is None:
        return
    from converters.config import key_stores

    content = _content(file, found)
    if key_stores.kind_of(content) == "PEM":
        file.take(found, "ssl_cafile", file.place(found))
        return
    try:
        pem = key_stores.trusted(content, file.text(f"{store}.password"))
    except ValueError as error:
        _refuse_store(file, found, store, error)
    file.take(found, "ssl_ca_pem", pem)


def _read_identity(file: PropertiesFile, given: Mapping[str, Any]) -> None:
    """The client's certificate and key; a key alone is of no use."""
    store = "ssl.keystore"
    file.ask(f"{store}.type", f"{store}.password")
    for key in ("ssl.certificate.pem", f"{store}.certificate.chain"):
        _take_pem(file, key, "ssl_cert_pem")
    for key in ("ssl.key.pem", f"{store}.key"):
        _take_pem(file, key, "ssl_key_pem")
    for part, name in (("certificate", "ssl_certfile"), ("key", "ssl_keyfile")):
        if (located := file.get(f"ssl.{part}.location")) is not None:
            file.take(located, name, file.place(located))
    file.setting("ssl.key.password", "ssl_password")
    if (found := file.get(f"{store}.location")) is not None:
        _read_key_store(file, store, found)
    if not {*CERTIFICATE} & {*file.values, *given}:
        for name in OF_CERTIFICATE:
            file.values.pop(name, None)


def _read_key_store(file: PropertiesFile, store: str, found: Property) -> None:
    from converters.config import key_stores

    content = _content(file, found)
    kind = key_stores.kind_of(content)
    if kind == "PEM":
        file.take(found, "ssl_certfile", file.place(found))
        return
    if kind == "JKS":
        where = file.place(found)
        converted = where.with_suffix(".p12")
        file.wrong(
            found,
            f"{where} is a JKS store, whose keys only Java can read. Make a PKCS12 store of it, "
            f"with the same password, and name that: keytool -importkeystore -srckeystore {where} "
            f"-destkeystore {converted} -deststoretype PKCS12",
        )
    try:
        chain, key_pem = key_stores.identity(content, file.text(f"{store}.password"))
    except ValueError as error:
        _refuse_store(file, found, store, error)
    file.take(found, "ssl_cert_pem", chain)
    file.take(found, "ssl_key_pem", key_pem)
    file.values.pop("ssl_password", None)  # the key is open already


def _take_pem(file: PropertiesFile, key: str, name: str) -> None:
    """Take PEM that stands in the file itself."""
    if (found := file.get(key)) is None:
        return
    from converters.config import key_stores

    text = key_stores.lines_of_pem(found.value)
    if not text:
        file.wrong(
            found, "it should be PEM, from -----BEGIN … to -----END …, with \\n at line ends"
        )
    file.take(found, name, text)


def _content(file: PropertiesFile, found: Property) -> bytes:
    """What a file that a property names holds."""
    place = file.place(found)
    try:
        return place.read_bytes()
    except OSError as error:
        file.wrong(found, f"{place} cannot be read: {error.strerror or error}")


def _refuse_store(file: PropertiesFile, found: Property, store: str, error: ValueError) -> NoReturn:
    password = file.held.get(f"{store}.password")
    opened = f"the password of line {password.line}" if password else f"no {store}.password"
    file.wrong(
        found,
        f"{file.place(found)} cannot be read as PEM, PKCS12 or JKS with {opened}: "
        f"{str(error).rstrip('.')}",
    )
