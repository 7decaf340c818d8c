"""Tokens of an identity provider: which count, and each way in which one may be forged."""

import base64
import hashlib
import hmac
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from acsnet.errors import InputError
from acsnet.server.auth.tokens import ProviderError, ProviderKeys, TokenError, Tokens
from acsnet.server.identity import Person, Role
from acsnet.settings import Oidc

pytestmark = pytest.mark.attacks

ISSUER, AUDIENCE = "https://idp.example.org/realms/heart", "acsnet"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CURVE = ec.generate_private_key(ec.SECP256R1())
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwk(key, kid):
    kind = jwt.algorithms.RSAAlgorithm if hasattr(key, "key_size") and kid == "rsa" else None
    kind = kind or jwt.algorithms.ECAlgorithm
    return {**json.loads(kind.to_jwk(key.public_key())), "kid": kid, "use": "sig"}


SMALL = rsa.generate_private_key(public_exponent=65537, key_size=1024)
KEYS = {
    "keys": [
        jwk(RSA, "rsa"),
        jwk(CURVE, "curve"),
        {"kty": "oct", "k": "aHVzaA", "kid": "oct"},
        {**jwk(SMALL, "rsa"), "kid": "small"},
        {**jwk(RSA, "rsa"), "kid": "enc", "use": "enc"},
        {**jwk(RSA, "rsa"), "kid": "ops", "key_ops": ["encrypt"]},
    ]
}


def claims(**changes):
    now = int(time.time())
    whole = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "exp": now + 300,
        "iat": now,
        "nbf": now - 5,
        "preferred_username": "ana",
        "roles": ["reviewer"],
        "scope": "openid",
        **changes,
    }
    return {key: value for key, value in whole.items() if value is not None}


def signed(key=RSA, algorithm="RS256", kid="rsa", **changes):
    return jwt.encode(claims(**changes), key, algorithm=algorithm, headers={"kid": kid})


def by_hand(header, payload, signature):
    """A token as no library would make it."""

    def part(content):
        return base64.urlsafe_b64encode(content).rstrip(b"=")

    body = b".".join(part(json.dumps(one).encode()) for one in (header, payload))
    return b".".join((body, part(signature(body)))).decode()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("keys") / "jwks.json"
    path.write_text(json.dumps(KEYS))
    return path


@pytest.fixture
def tokens(file):
    return Tokens(Oidc(issuer=ISSUER, audience=AUDIENCE, keys=str(file)))


def test_a_token_of_the_provider_counts(tokens):
    assert tokens.check(signed()) == Person("ana", Role.REVIEWER)
    assert tokens.check(signed(CURVE, "ES256", "curve")) == Person("ana", Role.REVIEWER)
    assert tokens.check(signed(aud=["other", AUDIENCE], nbf=None)).name == "ana"
    assert tokens.check(signed(exp=int(time.time()) - 10)).name == "ana"  # clocks differ a little


def test_a_token_counts_that_is_valid_for_a_day_and_none_for_longer(tokens):
    now = int(time.time())
    assert tokens.check(signed(iat=now, exp=now + 86_400)).name == "ana"
    with pytest.raises(TokenError, match="valid for more than 24 hours"):
        tokens.check(signed(iat=now, exp=now + 86_401))


@pytest.mark.parametrize(
    "changes",
    [
        {"scope": None, "typ": "Bearer", "nonce": "x", "azp": "acsnet"},  # Keycloak before 24
        {"scope": None, "scp": "read", "azp": "viewer"},  # Entra ID
        {"scope": "read", "client_id": "viewer"},  # Okta
    ],
)
def test_access_tokens_of_common_providers_count(file, changes):
    settings = Oidc(issuer=ISSUER, audience=AUDIENCE, keys=str(file), clients=("viewer",))
    assert Tokens(settings).check(signed(**changes)).name == "ana"


def test_an_access_token_by_its_header_counts(tokens):
    head = {"kid": "rsa", "typ": "at+jwt"}
    token = jwt.encode(claims(scope=None), RSA, algorithm="RS256", headers=head)
    assert tokens.check(token).name == "ana"


def hs256_with_the_public_key():
    public = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = {"alg": "HS256", "typ": "JWT", "kid": "rsa"}
    return by_hand(header, claims(), lambda body: hmac.digest(public, body, hashlib.sha256))


def hs256_with_the_shared_key():
    header = {"alg": "HS256", "typ": "JWT", "kid": "oct"}
    return by_hand(header, claims(), lambda body: hmac.digest(b"hush", body, hashlib.sha256))


def altered():
    head, _, signature = signed().split(".")
    body = base64.urlsafe_b64encode(json.dumps(claims(roles=["admin"])).encode()).rstrip(b"=")
    return f"{head}.{body.decode()}.{signature}"


FORGED = {
    "alg none": lambda: by_hand({"alg": "none", "kid": "rsa"}, claims(), lambda _: b""),
    "alg None": lambda: by_hand({"alg": "None", "kid": "rsa"}, claims(), lambda _: b""),
    "no alg": lambda: by_hand({"kid": "rsa"}, claims(), lambda _: b""),
    "HS256 with the public key": hs256_with_the_public_key,
    "HS256 with a shared key": hs256_with_the_shared_key,
    "another's key": lambda: signed(STRANGER),
    "another's key by its own id": lambda: signed(STRANGER, kid="stranger"),
    "key of the other kind": lambda: signed(CURVE, "ES256", "rsa"),
    "no key id": lambda: jwt.encode(claims(), RSA, algorithm="RS256"),
    "altered": altered,
    "expired": lambda: signed(exp=int(time.time()) - 60),
    "not yet": lambda: signed(nbf=int(time.time()) + 60),
    "issued in the future": lambda: signed(iat=int(time.time()) + 60),
    "no exp": lambda: signed(exp=None),
    "no iat": lambda: signed(iat=None),
    "no issuer": lambda: signed(iss=None),
    "another issuer": lambda: signed(iss=f"{ISSUER}/"),
    "no audience": lambda: signed(aud=None),
    "another audience": lambda: signed(aud="other"),
    "an ID token": lambda: signed(typ="ID"),
    "an ID token of Keycloak": lambda: signed(typ="ID", scope=None, at_hash="x"),
    "an ID token without a type": lambda: signed(scope=None),
    "an ID token with a nonce": lambda: signed(nonce="x"),
    "an ID token with a hash of its access token": lambda: signed(at_hash="x"),
    "a logout token": lambda: signed(
        events={"http://schemas.openid.net/event/backchannel-logout": {}}
    ),
    "a logout token by its header": lambda: jwt.encode(
        claims(), RSA, algorithm="RS256", headers={"kid": "rsa", "typ": "logout+jwt"}
    ),
    "another client's": lambda: signed(azp="another"),
    "another client's by RFC 9068": lambda: signed(client_id="another"),
    "a list of clients": lambda: signed(azp=["another"]),
    "95 years": lambda: signed(exp=int(time.time()) + 95 * 365 * 86400),
    "a key of 1024 bits": lambda: signed(SMALL, kid="small"),
    "a key for encryption": lambda: signed(RSA, kid="enc"),
    "a key that may not verify": lambda: signed(RSA, kid="ops"),
    "a refresh token": lambda: signed(typ="Refresh"),
    "no name": lambda: signed(preferred_username=None),
    "a name of two lines": lambda: signed(preferred_username="ana\nadmin"),
    "a name that is two in DICOM": lambda: signed(preferred_username="ana\\admin"),
    "a name that is no text": lambda: signed(preferred_username=["ana"]),
    "no roles": lambda: signed(roles=None),
    "roles of others": lambda: signed(roles=["Admin", "administrator", 3, None]),
    "roles that are no list": lambda: signed(roles={"admin": True}),
    "a header that names its own key": lambda: jwt.encode(
        claims(), STRANGER, algorithm="RS256", headers={"kid": "x", "jwk": jwk(STRANGER, "rsa")}
    ),
    "a critical extension": lambda: jwt.encode(
        claims(), RSA, algorithm="RS256", headers={"kid": "rsa", "crit": ["x"], "x": 1}
    ),
    "nothing": lambda: "..",
    "no token": lambda: "a.b.c",
    "no text": lambda: "\x00.\xff.\x00",
}


@pytest.mark.parametrize("how", FORGED)
def test_a_token_that_is_forged_does_not_count(tokens, how):
    with pytest.raises(TokenError):
        tokens.check(FORGED[how]())


@pytest.mark.parametrize(
    ("said", "role"),
    [
        ("annotator", Role.ANNOTATOR),
        (["annotator", "boss"], Role.ADMIN),
        (["x", "annotator"], Role.ANNOTATOR),
    ],
)
def test_roles_may_lie_deeper_and_be_called_otherwise(file, said, role):
    settings = Oidc(
        issuer=ISSUER,
        audience=AUDIENCE,
        keys=str(file),
        roles_claim="realm_access.roles",
        admin="boss",
    )
    token = signed(roles=["boss"], realm_access={"roles": said})
    assert Tokens(settings).check(token).role is role


class Answers:
    """Stands for the provider: counts how often it is asked."""

    def __init__(self, monkeypatch):
        self.asked = 0
        self.content = KEYS
        monkeypatch.setattr(jwt.PyJWKClient, "fetch_data", self.fetch)

    def fetch(self):
        self.asked += 1
        if self.content is None:
            raise ConnectionError
        return self.content


def test_unknown_keys_do_not_make_us_ask_again_and_again(monkeypatch, clock):
    provider = Answers(monkeypatch)
    keys = ProviderKeys("https://idp.example.org/certs", clock=clock)
    for k in range(100):
        with pytest.raises(TokenError):
            keys.find(f"unknown{k}")
        clock.now += 0.6
    assert provider.asked == 1
    provider.content = {"keys": [jwk(CURVE, "curve")]}
    clock.now += 1
    with pytest.raises(TokenError):
        keys.find("another")
    with pytest.raises(TokenError):
        keys.find("rsa")  # the provider took it back
    assert provider.asked == 2


def test_a_provider_that_is_away_for_a_while_keeps_nobody_out(monkeypatch, clock):
    provider = Answers(monkeypatch)
    provider.content = None
    keys = ProviderKeys("https://idp.example.org/certs", clock=clock)
    for _ in range(2):  # the second one does not ask again, nor is its token at fault
        with pytest.raises(ProviderError, match=r"^the keys of the .* cannot be read$"):
            keys.find("rsa")
    assert provider.asked == 1
    clock.now += 61
    provider.content = KEYS
    assert keys.find("rsa")
    provider.content = None
    clock.now += 4000
    assert keys.find("rsa")


@pytest.mark.parametrize(
    "settings",
    [
        {"audience": ""},
        {"keys": ""},
        {"keys": "http://idp.example.org/certs"},
        {"keys": "https://me:secret@idp.example.org/certs"},
        {"keys": "/nowhere/jwks.json"},
    ],
)
def test_settings_of_no_use_are_refused(file, settings):
    with pytest.raises(InputError, match=r"oidc\.|keys of the identity provider"):
        Tokens(Oidc(**{"issuer": ISSUER, "audience": AUDIENCE, "keys": str(file), **settings}))


@pytest.mark.parametrize(
    ("content", "cause"),
    [(None, "No such file or directory"), ("{", "Expecting property name"), ("[]", "JSON object")],
)
def test_why_the_keys_in_a_file_cannot_be_read_is_told(tmp_path, content, cause):
    path = tmp_path / "jwks.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=rf"cannot be read from .*jwks\.json: .*{cause}"):
        ProviderKeys(str(path))


def test_why_the_keys_of_an_address_cannot_be_read_is_in_the_log(monkeypatch, clock, caplog):
    Answers(monkeypatch).content = []
    with pytest.raises(ProviderError):
        ProviderKeys("https://idp.example.org/certs", clock=clock).find("rsa")
    assert "cannot be read from https://idp.example.org/certs: The JWKS" in caplog.text
