# SPDX-License-Identifier: Apache-2.0
"""What is not built is refused with a clear error, never accepted and ignored (docs/compatibility.md).

When a feature is built, its test here goes, and others come.
"""
import pytest

import wire
from wire import Connection

NOT_ALLOWED = 22

pytestmark = pytest.mark.usefixtures("only_geminga")


def test_transactions(broker, topic):
    connection = Connection(broker.port)
    connection.handshake()
    got, body = connection.request(58, (2, 0), id_field=1)  # TC_CLIENT_CONNECT_REQUEST
    assert got in (59, wire.ERROR)
    assert body[2] == [NOT_ALLOWED]
    connection.expect_alive()
    connection.close()
