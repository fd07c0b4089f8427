"""A Django application under hublet's WSGI server: ``python -m hublet.monkey django_app.py PORT DELAY``."""

import sys
import time

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

from hublet.net.wsgi import WSGIServer

settings.configure(ALLOWED_HOSTS=["127.0.0.1"], ROOT_URLCONF=__name__)


def answer(request: HttpRequest, number: int) -> HttpResponse:
    """Answer late, with the number."""
    time.sleep(float(sys.argv[2]))
    return HttpResponse(str(number))


urlpatterns = [path("<int:number>", answer)]

WSGIServer(("127.0.0.1", int(sys.argv[1])), get_wsgi_application(), log=None).serve_forever()
