// The messages that open and close one row.
#pragma once

#include <cstdint>

#include "common/sockets/connection_sample.h"
#include "tcpfleet/v1/sockets.pb.h"

namespace tcpfleet::sockets {

// True when `now` says something of the connection that `known` does not.
bool SaysMore(const ConnectionIdentity& known, const ConnectionIdentity& now);

void WriteOpen(uint32_t row, const ConnectionIdentity& identity, v1::ConnectionOpen& open);

// Only those of `fields`.
void WriteClose(uint32_t row, v1::ConnectionClose::Reason reason, const FieldValues& last,
                const FieldMask& fields, v1::ConnectionClose& close);

}  // namespace tcpfleet::sockets
