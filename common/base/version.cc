#include "common/base/version.h"

namespace tcpfleet::base {

absl::string_view Version() { return TCPFLEET_VERSION; }

}  // namespace tcpfleet::base
