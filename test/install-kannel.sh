#!/bin/sh
# Installs the SMS gateway that the tests start for themselves.
set -e
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing kannel, which the tests need ..."
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends kannel
else
  echo "The tests need bearerbox and smsbox: install your system's Kannel (Debian: apt-get install kannel)." >&2
  exit 1
fi
