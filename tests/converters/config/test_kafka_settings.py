"""Settings of ``[kafka]`` that contradict each other: the key is named, and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from converters.config.kafka_settings import KafkaSettings
from converters.config.load import ConfigError, load

CONFIG = """\
model = "loans"
log = "kafka://b:9092"
label = { positive = ["1"], negative = ["0"] }
columns = { late = { role = "label" }, amount = { kind = "numeric" } }
"""
SECRET = "t0psecret"
SASL = 'security_protocol = "SASL_SSL"\n'
SCRAM = f'{SASL}sasl_mechanism = "SCRAM-SHA-256"\nsasl_plain_username = "u"\n'
TOKEN = f'{SASL}sasl_mechanism = "OAUTHBEARER"\n'
SSL = 'security_protocol = "SSL"\n'

WRONG = {
    "mechanism without a login": ('sasl_mechanism = "PLAIN"', "sasl_mechanism is set.*'SASL_SSL'"),
    "password without a login": (
        f'{SSL}sasl_plain_password = "{SECRET}"',
        "sasl_plain_password is set.*'SSL' has no login",
    ),
    "token without a login": ('oauth_token_file = "t"', "oauth_token_file is set.*no login"),
    "login without a mechanism": (SASL, "sasl_mechanism is missing; it should be PLAIN, SCRAM"),
    "a name that no request holds": (f'client_id = "{"x" * 40_000}"', "at most 200 characters"),
    "no user": (
        f'{SASL}sasl_mechanism = "PLAIN"\nsasl_plain_password = "{SECRET}"',
        "sasl_plain_username is missing",
    ),
    "no password": (SCRAM, "sasl_plain_password and sasl_plain_password_file are both missing"),
    "two passwords": (
        f'{SCRAM}sasl_plain_password = "{SECRET}"\nsasl_plain_password_file = "f"',
        "sasl_plain_password and sasl_plain_password_file are both set",
    ),
    "password and token": (
        f'{SCRAM}sasl_plain_password = "{SECRET}"\noauth_token_file = "t"',
        "oauth_token_file is set.*should be OAUTHBEARER",
    ),
    "token and password": (
        f'{TOKEN}oauth_token_file = "t"\nsasl_plain_password = "{SECRET}"',
        "sasl_plain_password is set.*should be PLAIN, SCRAM",
    ),
    "no token": (TOKEN, "oauth_token_command and oauth_token_file are both missing"),
    "two tokens": (
        f'{TOKEN}oauth_token_file = "t"\noauth_token_command = "c"',
        "oauth_token_command and oauth_token_file are both set",
    ),
    "name of an extension": (
        f'{TOKEN}oauth_token_file = "t"\noauth_extensions = {{ auth = "x" }}',
        "the name 'auth'; it should be letters",
    ),
    "value of an extension": (
        f'{TOKEN}oauth_token_file = "t"\noauth_extensions = {{ a = "\\u0001" }}',
        "a value of a that is empty or not plain ASCII",
    ),
    "CA without TLS": ('ssl_cafile = "c"', "ssl_cafile is set.*'PLAINTEXT' has no TLS.*'SSL'"),
    "CA without TLS beside a login": (
        SCRAM.replace("SASL_SSL", "SASL_PLAINTEXT")
        + f'sasl_plain_password = "{SECRET}"\nssl_cafile = "c"',
        "ssl_cafile is set.*'SASL_SSL'",
    ),
    "check without TLS": ("ssl_check_hostname = false", "ssl_check_hostname is set.*no TLS"),
    "key without a certificate": (f'{SSL}ssl_keyfile = "k"', "ssl_keyfile .*set ssl_certfile"),
    "password without a certificate": (
        f'{SSL}ssl_password = "{SECRET}"',
        "ssl_password is set, but no certificate",
    ),
    "two CAs": (f'{SSL}ssl_cafile = "c"\nssl_ca_pem = "c"', "ssl_cafile and ssl_ca_pem are both"),
    "two passwords of a key": (
        f'{SSL}ssl_certfile = "c"\nssl_password = "{SECRET}"\nssl_password_file = "f"',
        "ssl_password and ssl_password_file are both set",
    ),
    "times": (
        "request_timeout_ms = 5000\nfetch_max_wait_ms = 5000",
        "request_timeout_ms should be more than fetch_max_wait_ms, which is 5000",
    ),
}


@pytest.mark.parametrize(("text", "says"), WRONG.values(), ids=WRONG)
def test_a_contradiction_names_the_key_and_what_would_be_right(
    tmp_path: Path, text: str, says: str
) -> None:
    """As every other mistake of the config; no secret is repeated."""
    path = tmp_path / "freshet.toml"
    path.write_text(f"{CONFIG}\n[kafka]\n{text}\n")
    with pytest.raises(ConfigError, match=rf"{path}.*'kafka(\.client_id)?'.*{says}") as told:
        load(path)
    assert SECRET not in str(told.value)


def test_a_contradiction_of_the_environment_names_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is there that it has to be corrected."""
    path = tmp_path / "freshet.toml"
    path.write_text(CONFIG)
    monkeypatch.setenv("FRESHET_KAFKA__SASL_PLAIN_PASSWORD", SECRET)
    with pytest.raises(ConfigError, match="FRESHET_KAFKA__SASL_PLAIN_PASSWORD") as told:
        load(path)
    assert SECRET not in str(told.value)


def test_a_model_that_is_not_in_kafka_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A password that the shell holds for another one changes nothing."""
    path = tmp_path / "freshet.toml"
    path.write_text(CONFIG.replace("kafka://b:9092", ""))
    monkeypatch.setenv("FRESHET_KAFKA__SASL_PLAIN_PASSWORD", SECRET)
    assert load(path).log.startswith("sqlite:")


@pytest.mark.parametrize("name", ["acks", "enable_idempotence", "isolation_level", "group_id"])
def test_what_keeps_the_promises_of_the_log_is_no_option(tmp_path: Path, name: str) -> None:
    """The names that there are, are those of the allow-list."""
    path = tmp_path / "freshet.toml"
    path.write_text(f'{CONFIG}\n[kafka]\n{name} = "x"\n')
    with pytest.raises(ConfigError, match=rf"there is no key 'kafka\.{name}'"):
        load(path)
    assert name not in KafkaSettings.model_fields
