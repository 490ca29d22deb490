"""Login modules of Kafka's ``sasl.jaas.config``: what is read, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.config.login_module import parse

PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"


def test_a_module_is_read() -> None:
    """Class without its package, and options in either kind of quotes or in none."""
    module = parse(f'{PLAIN} username="u" password=\'p "q"\' serviceName=kafka;')
    assert module.name == "PlainLoginModule"
    assert module.options == {"username": "u", "password": 'p "q"', "serviceName": "kafka"}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r'"a\"b\\c"', r'a"b\c'),
        (r"'it\'s'", "it's"),
        (r'"\t\101\0"', "\tA\0"),
        (r'"\q"', "q"),
        ('"a;b=c // d"', "a;b=c // d"),
        ("x/9+==", "x/9+=="),
        ("12345", "12345"),
        ('""', ""),
    ],
)
def test_values_are_read_as_java_does(written: str, meant: str) -> None:
    """Escapes within quotes, and nothing special about what is within them."""
    assert parse(f"{PLAIN} password={written};").options == {"password": meant}


def test_blanks_and_comments_separate() -> None:
    """Also several lines, as continuation lines give them."""
    text = f"{PLAIN}\n  username = 'u' // who\n /* how */ password\t=\n'p'\n ; "
    assert parse(text).options == {"username": "u", "password": "p"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "a login module such as"),
        ("username=u password=secret", "a login module such as"),
        (f"{PLAIN} username='u' password='secret'", "ends after .*'password' .*backslash"),
        (PLAIN, "ends after 'required' without a semicolon"),
        (f"{PLAIN} username='u' password='secret;", "'username' .*quotes"),
        (f'{PLAIN} password="se"cret";', "'password' there is something"),
        (f"{PLAIN} username;", "after 'required'"),
        (f"{PLAIN} password='secret'; {PLAIN} password='secret';", "one login module"),
    ],
)
def test_what_is_no_module_is_refused_without_its_secrets(text: str, says: str) -> None:
    """The message says what is right; no value of an option is in it."""
    with pytest.raises(ValueError, match=says) as told:
        parse(text)
    assert "secret" not in str(told.value)


@given(st.text(), st.sampled_from("\"'"))
def test_every_value_can_be_written(value: str, quote: str) -> None:
    """With quotes, backslashes and line ends escaped it is the value again."""
    escaped = value.replace("\\", "\\\\").replace(quote, "\\" + quote).replace("\n", "\\n")
    assert parse(f"{PLAIN} password={quote}{escaped}{quote};").options == {"password": value}
