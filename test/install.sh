#!/bin/sh
# Installs the Debian package that is named, which the tests use. Exit code 1 where that can't be done from here.
set -e
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "The tests use $1: install it with your system's packages (Debian: apt-get install $1)." >&2
  exit 1
fi
echo "Installing $1, which the tests use ..."
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1"
