#!/bin/sh
# Makes the secrets that compose.yml wants, once; what is there stays. Containers run as users of their own: the files
# are readable, the folder is closed.
set -eu
umask 077
cd "$(dirname "$0")"
mkdir -p secrets
chmod 700 secrets
make() { [ -s "secrets/$1" ] || head -c 24 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n' >"secrets/$1"; }
make journal_password
make broker_password
[ -s secrets/rabbitmq.conf ] || cat >secrets/rabbitmq.conf <<CONF
default_vhost = appealbus
default_user = appealbus
default_pass = $(cat secrets/broker_password)
default_user_tags.policymaker = true
CONF
chmod 444 secrets/*
