#!/usr/bin/env bash
# The browser tests drive Debian's Chromium. Installs it where that can be done without a question; without it those
# tests are skipped, and say so.
set -u
command -v chromium >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing chromium for the browser tests ..."
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null && exit 0
fi
echo "chromium is not installed: the browser tests will be skipped (sudo apt-get install -y chromium)" >&2
