#pragma once

#include <string>

#include "common/filter/expression.h"

namespace tcpfleet::filter {

// The canonical text of a filter: parses to the same expression again. What a filter means that
// does not speak of states is not printed.
std::string TextOf(const Expression& expression);

}  // namespace tcpfleet::filter
