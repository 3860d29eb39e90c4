#pragma once

#include <absl/types/span.h>

#include "controller/connections/row_query.h"

namespace tcpfleet::controller {

// As the order of their rows says: by the key or the sum of that column; by size, largest first,
// where groups have neither. Ties by key.
void SortGroups(absl::Span<RowGroup> groups, absl::Span<const Column> by, const RowOrder& order);

}  // namespace tcpfleet::controller
