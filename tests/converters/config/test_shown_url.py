"""URLs as they may be printed: no secret, however they are spelt, and still of use."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.config.shown_url import shown_url, without_secrets


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("kafka://user:pw@host:9092", "kafka://***@host:9092"),
        ("kafka://u:pw@a:9092,u:pw@b:9092", "kafka://***@b:9092"),
        ("postgresql://user:pw@host/db", "postgresql://***@host/db"),
        ("postgresql+psycopg://user@host/db", "postgresql+psycopg://***@host/db"),
        ("postgresql://user:p%40w@host/db", "postgresql://***@host/db"),
        ("postgresql://user:p@w/x?y#z@host/db", "postgresql://***@host/db"),
        ("postgresql://user:pw@host:no-port/db", "postgresql://***@host:no-port/db"),
        ("postgresql//user:pw@host/db", "postgresql//***@host/db"),
        ("postgresql:////user:pw@host/db", "postgresql://***@host/db"),
        ("user:pw@host", "***@host"),
        ("//user:pw@host", "//***@host"),
        ("s3://key:secret@bucket/path", "s3://***@bucket/path"),
        (
            "postgresql://host/db?user=me&password=pw&sslmode=require",
            "postgresql://host/db?user=me&password=***&sslmode=require",
        ),
        ("postgresql://host/db?sslpassword=pw", "postgresql://host/db?sslpassword=***"),
        ("postgresql://host/db?%70assword=pw", "postgresql://host/db?%70assword=***"),
        ("postgresql://host/db?pasword=pw", "postgresql://host/db?pasword=***"),
        ("s3://b?aws_secret_access_key=x;token=y", "s3://b?aws_secret_access_key=***;token=***"),
        ("postgresql://u:pw@h/db?password=a@b", "postgresql://***@***"),
        ("postgresql://user:pw/db", "postgresql://***/db"),
        ("kafka://a:9092,user:pw", "kafka://***"),
        ("kafka://host:9092", "kafka://host:9092"),
        ("kafka://a:1,b,c:2", "kafka://a:1,b,c:2"),
        ("postgresql://[::1]:5432/db?x=y:z", "postgresql://[::1]:5432/db?x=y:z"),
        ("postgresql://host/a:b", "postgresql://host/a:b"),
        ("sqlite:////data/me@work/log.db", "sqlite:////data/me@work/log.db"),
        ("/data/me@work/snapshots", "/data/me@work/snapshots"),
        ("sqlite:////x.db?key=pw", "sqlite:////x.db?key=***"),
        ("postgresql://host/db?password=a@b/c&x=1", "postgresql://***@***&x=1"),
        ("postgresql://host/db?password=a@b@c;x=1", "postgresql://***@***;x=1"),
        ("", ""),
    ],
)
def test_a_url_is_shown_without_its_secrets(url: str, shown: str) -> None:
    """Host, path and harmless parameters stay."""
    assert shown_url(url) == shown


SECRET = st.text(st.characters(min_codepoint=33, exclude_characters="*"), min_size=3)
# A lone secret may be what a URL is made of anyway.
URL_TEXT = "postgresql+psycopg://user:@host:5432/db?password=&sslpassword=&x=1 of ***"


@given(SECRET)
def test_no_secret_survives_its_spelling(secret: str) -> None:
    """Whatever a password is made of, well formed or not, it is not in what is shown."""
    if secret in URL_TEXT:
        return
    assert secret not in shown_url(f"postgresql+psycopg://user:{secret}@host:5432/db")
    assert secret not in shown_url(f"user:{secret}@host")
    if not set(secret) & set("&;"):
        assert secret not in shown_url(f"postgresql://host/db?x=1&sslpassword={secret}")


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("postgresql://user:pass@word@host/db", 'could not translate host name "word@host"'),
        ("postgresql://user:p%40ssword@host/db", "wrong password 'p@ssword'"),
        ("postgresql://user:pa/ssword@host/db", "database 'ssword@host/db' is not there"),
        ("postgresql://host/db?password=hunter2", "invalid option: hunter2"),
        ("kafka://a:hunter2@x,b:swordfish@y", "neither hunter2 nor swordfish"),
    ],
)
def test_what_a_driver_says_is_masked(url: str, text: str) -> None:
    """A driver that misreads a URL quotes a part of its secret as a host or a name."""
    masked = without_secrets(text, url)
    for part in ("word", "ssword", "hunter2", "swordfish"):
        assert part not in masked.replace("wrong password", "")
    assert "***" in masked


def test_a_text_without_secrets_stays() -> None:
    """Also where user and host are in it."""
    text = 'password authentication failed for user "freshet" at host db1'
    assert without_secrets(text, "postgresql://freshet:hunter2@db1/x") == text
    assert without_secrets(text, "sqlite:////data/me@work/log.db") == text
