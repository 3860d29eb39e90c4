#!/usr/bin/env bash
# A tree with one wrong thing in it must be refused, and a right one passed in silence.
set -euo pipefail
tool=$1
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

file() {  # path, line
  mkdir -p "$(dirname "$tree/$1")"
  echo "$2" >"$tree/$1"
}

expect() {  # what it must print, the start of it
  local printed
  if printed=$("$tool" "$tree"); then
    echo "passed, instead of: $1" >&2
    exit 1
  fi
  if [[ $printed != "$1"* ]]; then
    printf 'expected: %s\nprinted:  %s\n' "$1" "$printed" >&2
    exit 1
  fi
}

file common/sys/file.h '#include "common/base/units.h"'
file agent/main.cc '#include "agent/app/agent.h"'
file agent/service/stress_service.h '#include "tcpfleet/v1/stress.grpc.pb.h"'
file agent/load/engine.h '#include <sys/epoll.h>'
file controller/commands/stress.cc '#include "controller/stress/plan.h"'
file tests/unit/agent/app/options_test.cc '#include "agent/app/options.h"'
printed=$("$tool" "$tree")
[ -z "$printed" ] || { echo "not silent: $printed" >&2; exit 1; }

wrong() {  # path, line, what it must print
  file "$1" "$2"
  expect "$1:1: $3"
  rm "$tree/$1"
}
wrong common/base/units.cc '#include "common/sys/file.h"' 'common/base must not include common/sys'
wrong common/sys/file.cc '#  include "common/netlink/socket.h"' 'common/sys must not include common/netlink'
wrong common/stats/rate.h '#include <agent/load/engine.h>' 'common/stats must not include agent/load'
wrong agent/app/a.cc '#include "controller/cli/table.h"' 'agent/app must not include controller/cli'
wrong controller/commands/b.cc '#include "agent/load/spec.h"' 'controller/commands must not include agent/load'
wrong controller/main.cc '#include "tests/support/network_lab.h"' 'controller must not include tests'
wrong agent/load/c.h '#include "agent/service/s.h"' 'agent/load must not include agent/service'
wrong agent/load/d.h '#include "common/rpc/status.h"' 'agent/load must not include common/rpc'
wrong controller/stress/e.h '#include "tcpfleet/v1/stress.grpc.pb.h"' 'tcpfleet/v1/stress.grpc.pb.h belongs to'
wrong common/misc/f.h '#include "common/base/units.h"' 'common/misc is a room that tools/check_layers does not know'

file scripts/x ''
expect 'scripts: not a top-level entry'
