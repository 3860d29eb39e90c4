// Numbers, durations, addresses and endpoints as people type them: what parses must print as
// something that parses to the same value.
#include <absl/strings/string_view.h>

#include <cstddef>
#include <cstdint>

#include "common/base/check.h"
#include "common/base/ip_address.h"
#include "common/base/units.h"

namespace base = tcpfleet::base;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  base::ParseCount(text).IgnoreError();
  base::ParseDuration(text).IgnoreError();
  base::IpNetwork::Parse(text).IgnoreError();
  if (const auto address = base::IpAddress::Parse(text); address.ok()) {
    TF_CHECK(base::IpAddress::Parse(address->ToString()).value() == *address);
  }
  if (const auto endpoint = base::ParseEndpoint(text); endpoint.ok()) {
    TF_CHECK(base::ParseEndpoint(endpoint->ToString()).value() == *endpoint);
  }
  if (const auto host_port = base::ParseHostPort(text, 7117); host_port.ok()) {
    TF_CHECK(base::ParseHostPort(host_port->ToString(), 0).value() == *host_port);
  }
  return 0;
}
