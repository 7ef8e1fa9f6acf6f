#!/usr/bin/env bash
# Notices what the operating system lacks: Python's venv, and the two libraries that OpenCV loads (libGL, glib).
# Installs them where that can be done without a question (root on Debian or Ubuntu), else says what to install.
set -u
python=${1:-python3}
packages=()

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  echo "Kenali needs Python 3.11 or newer; $python is $("$python" --version 2>&1). Name another one: make run PYTHON=python3.12" >&2
  exit 1
fi
"$python" -c 'import venv, ensurepip' 2>/dev/null ||
  packages+=("python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv")

if [ "$(uname -s)" = Linux ]; then
  has_library() { ldconfig -p 2>/dev/null | grep -q "$1" || /sbin/ldconfig -p 2>/dev/null | grep -q "$1"; }
  has_library 'libGL\.so\.1' || packages+=(libgl1)
  has_library 'libgthread-2\.0\.so\.0' || packages+=(libglib2.0-0)
fi
[ ${#packages[@]} -eq 0 ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing system packages: ${packages[*]}"
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null && exit 0
fi
echo "Kenali needs system packages that are not installed. Please run:" >&2
echo "    sudo apt-get install -y ${packages[*]}      # Fedora: dnf install mesa-libGL glib2" >&2
exit 1
