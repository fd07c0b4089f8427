"""A Flask application under hublet's WSGI server: ``python -m hublet.monkey flask_app.py PORT DELAY``."""

import sys
import time

from flask import Flask

from hublet.net.wsgi import WSGIServer

app = Flask(__name__)


@app.get("/<int:number>")
def answer(number: int) -> str:
    """Answer late, with the number."""
    time.sleep(float(sys.argv[2]))
    return str(number)


WSGIServer(("127.0.0.1", int(sys.argv[1])), app, log=None).serve_forever()
