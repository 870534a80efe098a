"""A mail server under TLS: python3 smtp.py starttls|always PORT CERTIFICATE KEY. Writes a line of JSON for each mail that it took."""

import json
import ssl
import sys
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

KIND, PORT, CERTIFICATE, KEY = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
USER, PASSWORD = b"daypass", b"a word that is secret"


class Mailbox:
    async def handle_DATA(self, server, session, envelope):
        mail = {
            "tls": server.transport.get_extra_info("ssl_object") is not None,
            "user": (session.auth_data or b"").decode(),
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "text": envelope.content.decode(),
        }
        print(json.dumps(mail), flush=True)
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    if (data.login, data.password) == (USER, PASSWORD):
        return AuthResult(success=True, auth_data=data.login)
    return AuthResult(success=False, handled=False)


context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(CERTIFICATE, KEY)
settings = {
    "hostname": "127.0.0.1",
    "port": PORT,
    "authenticator": authenticate,
    "auth_required": True,
}
if KIND == "starttls":
    settings |= {"tls_context": context, "require_starttls": True}
else:
    # The connection is secure from its first byte, which the server does not know of.
    settings |= {"ssl_context": context, "auth_require_tls": False}
Controller(Mailbox(), **settings).start()
print("ready", flush=True)
# Whoever started it ends it.
while True:
    time.sleep(3600)
