// What is known of the subject of a filter.
#pragma once

#include <absl/strings/string_view.h>

#include <cstdint>
#include <optional>

#include "common/filter/filter.h"
#include "common/filter/quantity.h"

namespace tcpfleet::filter {

// Milliseconds since a moment.
std::optional<uint64_t> AgoMs(const Subject& subject, sockets::Field field);
// Of the sources that are whole numbers, but kField, which is read in place, and kAge, which may be
// known in part; `field` is that of the quantity.
std::optional<uint64_t> NumberOf(Quantity::Source source, sockets::Field field,
                                 const Subject& subject);
std::optional<double> RealOf(Quantity::Source source, const sockets::Derived& derived);
// Empty: unknown.
absl::string_view TextOf(TextSource source, const Subject& subject);

}  // namespace tcpfleet::filter
