// What servers answer, cut into two reads at a place the input chooses: the first byte chooses the
// framing, the second one the cut.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "agent/load/workloads/response_framer.h"
#include "common/base/check.h"

namespace agent = tcpfleet::agent;
namespace v1 = tcpfleet::v1;

namespace {

v1::StressSpec SpecOf(uint8_t choice) {
  v1::StressSpec spec;
  if (choice % 3 == 0) {
    spec.set_response_delimiter("\r\n.\r\n");
  } else {
    spec.mutable_http()->set_method(choice % 3 == 1 ? "GET" : "HEAD");
  }
  return spec;
}

uint32_t Take(agent::ResponseFramer& framer, absl::Span<const std::byte> bytes) {
  const agent::FoundResponses found = framer.Take(0, bytes);
  uint32_t counted = 0;
  for (const uint32_t count : found.by_status) counted += count;
  TF_CHECK(counted == 0 || counted == found.ended);
  TF_CHECK(!(found.bad && found.closes));
  TF_CHECK(found.ended <= bytes.size());
  if (found.bad || found.closes) TF_CHECK(framer.Take(0, bytes).ended == 0);
  return found.ended;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const auto framer = agent::NewResponseFramer(SpecOf(data[0]), 1);
  const absl::Span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data + 2), size - 2);
  const size_t cut = std::min<size_t>(data[1], bytes.size());
  framer->Begin(0);
  Take(*framer, bytes.first(cut));
  Take(*framer, bytes.subspan(cut));
  framer->End(0);
  return 0;
}
