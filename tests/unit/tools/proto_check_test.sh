#!/usr/bin/env bash
# Changes that break the contract must be refused, harmless ones asked for with --update.
set -euo pipefail
tool=$1
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/proto/tcpfleet/v1"
proto=$tree/proto/tcpfleet/v1/a.proto

write() {
  cat >"$proto" <<'TEXT'
syntax = "proto3";
package tcpfleet.v1;
service S {
  rpc Ask(Request) returns (stream Response);
}
message Request {
  uint32 count = 1;
  optional string name = 2;
  oneof target {
    string host = 3;
    Nested address = 4;
  }
  message Nested {
    repeated int64 values = 1;
  }
}
message Response {}
enum Kind {
  KIND_UNSPECIFIED = 0;
  KIND_A = 1;
}
TEXT
}

change() {  # sed expression
  write
  sed -i "$1" "$proto"
}

fails_with() {  # what it must print, further arguments
  local printed
  if printed=$("$tool" "${@:2}" "$tree"); then
    echo "passed, instead of: $1" >&2
    exit 1
  fi
  if [ "$printed" != "$1" ]; then
    printf 'expected: %s\nprinted:  %s\n' "$1" "$printed" >&2
    exit 1
  fi
}

passes() {
  local printed
  printed=$("$tool" "$@" "$tree") && [ -z "$printed" ] || {
    printf 'refused or not silent: %s\n' "$printed" >&2
    exit 1
  }
}

write
outdated='proto/tcpfleet.v1.binpb: out of date, run tools/proto_check --update'
fails_with "$outdated"
passes --update
passes

change '/count = 1/d'
fails_with 'tcpfleet.v1.Request: field count = 1 is gone; reserve its number and its name'
fails_with 'tcpfleet.v1.Request: field count = 1 is gone; reserve its number and its name' --update
change 's/count = 1/count = 9/'
fails_with 'tcpfleet.v1.Request: field count = 1 is gone; reserve its number and its name'
change 's/uint32 count = 1;/reserved 1; reserved "count";/'
fails_with "$outdated"
change 's/uint32 count/uint64 count/'
fails_with 'tcpfleet.v1.Request: field count = 1 changed its type: TYPE_UINT32 -> TYPE_UINT64'
change 's/repeated int64/int64/'
fails_with 'tcpfleet.v1.Request.Nested: field values = 1 changed its label: LABEL_REPEATED -> LABEL_OPTIONAL'
change 's/string host/string server/'
fails_with 'tcpfleet.v1.Request: field host = 3 changed its name: host -> server'
change 's/oneof target {/message T {} oneof goal {/'
fails_with "$(printf '%s\n' \
  'tcpfleet.v1.Request: field host = 3 changed its oneof: target -> goal' \
  'tcpfleet.v1.Request: field address = 4 changed its oneof: target -> goal')"
change '/KIND_A/d'
fails_with 'tcpfleet.v1.Kind: value KIND_A = 1 is gone; reserve its number and its name'
change '/rpc Ask/d'
fails_with 'tcpfleet.v1.S.Ask: the RPC is gone'
change 's/(stream Response)/(Response)/'
fails_with 'tcpfleet.v1.S.Ask: the RPC changed its types or streaming'

change 's/message Response {}/message Response { string more = 1; }/'
fails_with "$outdated"
passes --update
passes
