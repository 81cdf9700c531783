#!/bin/sh
# MariaDB, in the foreground, on loopback: database and user `test`, password `test`.  PORT, DIR.
set -eu
mkdir -p "$DIR"
DIR=$(cd "$DIR" && pwd)
if [ ! -d "$DIR/data/mysql" ]; then
    mariadb-install-db --no-defaults --user="$(id -un)" --datadir="$DIR/data" --auth-root-authentication-method=normal >/dev/null
    {
        echo "CREATE DATABASE IF NOT EXISTS test;"
        for host in 127.0.0.1 localhost; do
            echo "CREATE USER IF NOT EXISTS 'test'@'$host' IDENTIFIED BY 'test';"
            echo "GRANT ALL ON test.* TO 'test'@'$host';"
        done
    } >"$DIR/init.sql"
fi
exec mariadbd --no-defaults --user="$(id -un)" --datadir="$DIR/data" --socket="$DIR/socket" --pid-file="$DIR/pid" \
    --bind-address=127.0.0.1 --port="$PORT" --innodb-buffer-pool-size=32M --init-file="$DIR/init.sql"
