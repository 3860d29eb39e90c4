#pragma once

#include <absl/types/span.h>

#include <cstddef>

#include "controller/connections/fleet_table.h"

namespace tcpfleet::controller {

// Before rows[i] is read, for whoever reads all of them: rows lie scattered in memory, and asking
// for those ahead hides most of the wait. `fields`: the values that will be read.
inline void FetchAhead(absl::Span<const ConnectionRow* const> rows, size_t i,
                       absl::Span<const sockets::Field> fields = {}) {
  constexpr size_t kRowsAhead = 16;
  constexpr size_t kSamplesAhead = 8;
  if (i + kRowsAhead < rows.size()) __builtin_prefetch(rows[i + kRowsAhead]);
  if (i + kSamplesAhead >= rows.size()) return;
  const sockets::ConnectionSample& sample = *rows[i + kSamplesAhead]->sample;
  __builtin_prefetch(&sample);
  __builtin_prefetch(reinterpret_cast<const char*>(&sample) + 64);
  for (const sockets::Field field : fields) sample.values.Prefetch(field);
}

}  // namespace tcpfleet::controller
