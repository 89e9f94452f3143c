"""Tokens with which a workflow of GitHub signs in, issued by the engine itself: it takes no others.

Source: GitHub Docs, "OpenID Connect reference"; STS API Reference, "AssumeRoleWithWebIdentity".
"""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any, Final

from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends

from ceap.local.clock import CLOCK
from ceap.local.conditions import GITHUB
from ceap.local.query import QueryError
from ceap.local.sessions import AccessDenied, Session, Sessions

_LIFETIME_S: Final = 300


class WebIdentities:
    """The tokens of one account, and the roles that their holders may assume."""

    def __init__(self, account: str, sessions: Sessions) -> None:
        self._account: Final = account
        self._sessions: Final = sessions
        self._secret: Final = secrets.token_bytes(32)

    def issue(self, subject: str, audience: str) -> str:
        """Return a token for a subject such as `repo:OWNER/REPO:environment:NAME`."""
        claims = {"iss": f"https://{GITHUB}", "sub": subject, "aud": audience, "exp": CLOCK.now() + _LIFETIME_S}
        head, body = _encoded({"typ": "JWT", "alg": "HS256"}), _encoded(claims)
        return f"{head}.{body}.{self._seal(f'{head}.{body}')}"

    def assume(self, role: str, token: str, name: str) -> Session:
        """Return a session of a role for the holder of a token; QueryError, as STS words it, if it may have none."""
        claims = self._claims(token)
        provider = f"arn:aws:iam::{self._account}:oidc-provider/{GITHUB}"
        found = iam_backends[self._account]["aws"].open_id_providers.get(provider)
        if found is None:
            message = f"No OpenIDConnect provider found in your account for https://{GITHUB}"
            raise QueryError(message, "InvalidIdentityToken")
        if claims["aud"] not in found.client_id_list:
            raise QueryError("Incorrect token audience", "InvalidIdentityToken")
        try:
            told = {f"{GITHUB}:{key}": claims[key] for key in ("aud", "sub")}
            return self._sessions.assume_by_token(role, provider, told, name)
        except (AccessDenied, NotFoundException):
            raise QueryError("Not authorized to perform sts:AssumeRoleWithWebIdentity", "AccessDenied") from None

    def _claims(self, token: str) -> Mapping[str, Any]:
        """Return what a token says; QueryError if it is not one of this engine's, or too old."""
        sealed, _, seal = token.rpartition(".")
        if not hmac.compare_digest(seal.encode(), self._seal(sealed).encode()):
            raise QueryError("The web identity token was not issued by the local engine", "InvalidIdentityToken")
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(sealed.partition(".")[2] + "=="))
        if claims["exp"] < CLOCK.now():
            raise QueryError("Token expired: it lives for five minutes", "ExpiredTokenException")
        return claims

    def _seal(self, text: str) -> str:
        return base64.urlsafe_b64encode(hmac.digest(self._secret, text.encode(), hashlib.sha256)).decode().rstrip("=")


def _encoded(part: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
