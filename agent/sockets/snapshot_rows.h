// What every snapshot of connections does with its rows.
#pragma once

#include <absl/types/span.h>

#include <cstdint>
#include <vector>

#include "common/filter/filter.h"
#include "common/sockets/connection_sample.h"
#include "common/sockets/field.h"
#include "tcpfleet/v1/sockets.pb.h"

namespace tcpfleet::agent {

// Of a sample without an earlier one: what is derived comes from its totals.
bool MatchesAlone(const filter::Filter& filter, const sockets::ConnectionSample& sample,
                  int64_t now_ns);

// Keyframes of bounded size, which together have every sample; the first, which there always is,
// has the counts. No `fields`: all.
std::vector<v1::ConnectionFrame> EncodeKeyframes(
    absl::Span<const sockets::ConnectionSample* const> samples, const sockets::FieldMask& fields,
    int64_t monotonic_ns, v1::Completeness completeness);

}  // namespace tcpfleet::agent
