"""Programs as people write them with threads, one for each library: 200 operations at once, each of which waits at its peer.

    python -m hublet.monkey programs.py NAME SERVER'S-FACTS

Nothing here knows of hublet.  Each program prints how long one operation took, and how long 200 at once.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

MANY = 200


def over_http_with_requests(facts):
    import requests

    def operation(number):
        return int(requests.get(f"http://127.0.0.1:{facts['port']}/{number}", timeout=60).text)

    return operation


def over_http_with_a_session(facts):
    import requests
    from requests.adapters import HTTPAdapter

    session = requests.Session()
    session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=MANY, pool_block=True))

    def operation(number):
        return int(session.get(f"http://127.0.0.1:{facts['port']}/{number}", timeout=60).text)

    return operation


def over_http_with_urllib3(facts):
    import urllib3

    pool = urllib3.PoolManager(maxsize=MANY, block=True)

    def operation(number):
        return int(pool.request("GET", f"http://127.0.0.1:{facts['port']}/{number}", timeout=60).data)

    return operation


def redis(facts):
    from redis import Redis

    client = Redis(port=facts["port"], max_connections=MANY)

    def operation(number):
        assert client.blpop(f"nothing-{number}", timeout=facts["delay"]) is None
        client.set(f"key-{number}", number)
        return int(client.get(f"key-{number}"))

    return operation


def pymysql(facts):
    import pymysql

    def operation(number):
        # Otherwise each connection reads all certificates of the system anew, 18 ms of CPU, to offer TLS to loopback.
        connection = pymysql.connect(host="127.0.0.1", port=facts["port"], user=facts["user"], ssl_disabled=True)
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT SLEEP(%s), %s", (facts["delay"], number))
            return cursor.fetchone()[1]

    return operation


def psycopg(facts):
    import psycopg

    address = f"host=127.0.0.1 port={facts['port']} user={facts['user']} dbname=postgres"

    def operation(number):
        with psycopg.connect(address) as connection:
            return connection.execute("SELECT pg_sleep(%s), %s::int", (facts["delay"], number)).fetchone()[1]

    return operation


def psycopg2(facts):
    import psycopg2

    address = f"host=127.0.0.1 port={facts['port']} user={facts['user']} dbname=postgres"

    def operation(number):
        connection = psycopg2.connect(address)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(%s), %s", (facts["delay"], number))
                return cursor.fetchone()[1]
        finally:
            connection.close()

    return operation


def sqlalchemy_pool(facts):
    from sqlalchemy import create_engine, text

    address = f"postgresql+psycopg2://{facts['user']}@127.0.0.1:{facts['port']}/postgres"
    engine = create_engine(address, pool_size=20, max_overflow=MANY - 20)

    def operation(number):
        with engine.connect() as connection:
            row = connection.execute(text("SELECT pg_sleep(:delay), :number"), {"delay": facts["delay"], "number": number})
            return row.fetchone()[1]

    return operation


def sqlalchemy_pool_that_makes_wait(facts):
    from sqlalchemy import create_engine, text

    address = f"mysql+pymysql://{facts['user']}@127.0.0.1:{facts['port']}/apps"
    options = {"ssl_disabled": True}  # see `pymysql`
    engine = create_engine(address, connect_args=options, pool_size=MANY // 2, max_overflow=0, pool_timeout=60)

    def operation(number):
        with engine.connect() as connection:  # half of them have to wait for a connection, and then for half the time
            row = connection.execute(text("SELECT SLEEP(:delay), :number"), {"delay": facts["delay"] / 2, "number": number})
            return row.fetchone()[1]

    return operation


def paramiko(facts):
    import paramiko

    clients = []
    for _ in range(10):
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        client.connect("127.0.0.1", facts["port"], facts["user"], key_filename=facts["key"], allow_agent=False)
        clients.append(client)

    def operation(number):
        _, stdout, _ = clients[number % 10].exec_command(f"sleep {facts['delay']}; echo {number}")
        return int(stdout.read())

    operation.close = lambda: [client.close() for client in clients]
    return operation


def boto3(facts):
    from boto3.session import Session
    from botocore.config import Config

    config = Config(max_pool_connections=MANY, retries={"max_attempts": 1}, s3={"addressing_style": "path"})
    keys = {"aws_access_key_id": "nobody", "aws_secret_access_key": "nothing", "region_name": "nowhere-1"}
    client = Session(**keys).client("s3", endpoint_url=f"http://127.0.0.1:{facts['port']}", config=config)

    def operation(number):
        return int(client.get_object(Bucket="numbers", Key=str(number))["Body"].read())

    return operation


PROGRAMS = {
    "requests": (over_http_with_requests, "web"),
    "requests, a session": (over_http_with_a_session, "web"),
    "urllib3": (over_http_with_urllib3, "web"),
    "boto3": (boto3, "web"),
    "Flask, served by hublet": (over_http_with_urllib3, "flask"),
    "Django, served by hublet": (over_http_with_urllib3, "django"),
    "redis-py": (redis, "redis"),
    "PyMySQL": (pymysql, "mysql"),
    "psycopg": (psycopg, "postgresql"),
    "psycopg2": (psycopg2, "postgresql"),
    "SQLAlchemy's pool, psycopg2": (sqlalchemy_pool, "postgresql"),
    "SQLAlchemy's pool, PyMySQL, half the size": (sqlalchemy_pool_that_makes_wait, "mysql"),
    "paramiko": (paramiko, "ssh"),
}


def main() -> None:
    """Run one program."""
    name, facts = sys.argv[1], json.loads(sys.argv[2])
    operation = PROGRAMS[name][0](facts)
    operation(0)
    begun = time.monotonic()
    assert operation(7) == 7
    one = time.monotonic() - begun
    with ThreadPoolExecutor(MANY) as pool:
        begun = time.monotonic()
        results = list(pool.map(operation, range(MANY)))
        many = time.monotonic() - begun
    assert results == list(range(MANY)), results
    getattr(operation, "close", lambda: None)()
    import threading

    kinds = "greenlets" if "hublet.core" in sys.modules else "native threads"
    print(json.dumps({"one": one, "many": many, "threads": threading.active_count(), "kind": kinds}))


if __name__ == "__main__":
    main()
