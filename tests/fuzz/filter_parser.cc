#include "common/base/check.h"
#include "common/filter/filter.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tcpfleet;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<filter::Filter> filter = filter::Filter::Parse(text);
  if (!filter.ok()) {
    TF_CHECK(absl::IsInvalidArgument(filter.status()));
    return 0;
  }
  TF_CHECK(filter->text() == text);
  TF_CHECK_EQ(filter->StateMask() & ~sockets::kAllStates, 0u);
  sockets::ConnectionSample sample;
  for (uint64_t state = 1; state <= 11; ++state) {
    sample.values.Set(sockets::Field::kState, state);
    if (filter->Matches(sample)) TF_CHECK(((filter->StateMask() >> state) & 1) != 0);
  }
  return 0;
}
