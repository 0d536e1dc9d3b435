#!/bin/sh
# Installs lame, with which the tests convert recordings; without it they only see that its lack is told.
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing lame, which the tests of recordings use ..."
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends lame
else
  echo "Without lame or ffmpeg the tests of conversions are left out (Debian: apt-get install lame)." >&2
fi
