// Filters that parse print as filters that mean the same, and make programs the kernel takes.
#include "common/base/check.h"
#include "common/filter/filter.h"
#include "tests/unit/common/filter/bytecode.h"

namespace tcpfleet {
namespace {

filter::Resolver Names() {
  filter::Resolver resolver;
  resolver.addresses = [](const std::string& host) -> absl::StatusOr<std::vector<base::IpAddress>> {
    if (host.size() > 8) return absl::NotFoundError("no such host");
    return std::vector{*base::IpAddress::Parse("198.18.0.1"),
                       *base::IpAddress::Parse("fd00:18::1")};
  };
  resolver.port = [](const std::string& service) -> absl::StatusOr<uint16_t> {
    return static_cast<uint16_t>(service.size());
  };
  resolver.keep_device_names = true;
  return resolver;
}

void Check(const filter::Filter& parsed) {
  filter::Resolver resolver;
  resolver.keep_device_names = true;
  const absl::StatusOr<filter::Filter> again = filter::Filter::Parse(parsed.text(), resolver);
  TF_CHECK(again.ok());
  TF_CHECK(again->text() == parsed.text());
  TF_CHECK_EQ(again->StateMask(), parsed.StateMask());
  TF_CHECK(again->Fields() == parsed.Fields());
  TF_CHECK(filter::bytecode::IsWellFormed(parsed.KernelProgram()));
  TF_CHECK_EQ(parsed.StateMask() & ~sockets::kAllStates, 0u);
  sockets::ConnectionSample sample;
  sample.identity.congestion_control = "cubic";
  const filter::Subject subject{.sample = &sample, .host = "web1", .now_ns = 1};
  for (uint64_t state = 1; state <= 11; ++state) {
    sample.values.Set(sockets::Field::kState, state);
    const bool matches = parsed.Matches(subject);
    TF_CHECK_EQ(again->Matches(subject), matches);
    TF_CHECK_EQ(parsed.ForHost("web1").Matches(subject), matches);
    if (!matches) continue;
    TF_CHECK(((parsed.StateMask() >> state) & 1) != 0);
    TF_CHECK(!parsed.NeverMatches());
    TF_CHECK(filter::bytecode::Accepts(parsed.KernelProgram(), sample.identity));
  }
}

}  // namespace
}  // namespace tcpfleet

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tcpfleet;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  static const filter::Resolver names = Names();
  for (const filter::Resolver& resolver : {filter::Resolver(), names}) {
    const absl::StatusOr<filter::Filter> parsed = filter::Filter::Parse(text, resolver);
    if (parsed.ok()) {
      Check(*parsed);
    } else {
      TF_CHECK(absl::IsInvalidArgument(parsed.status()));
    }
  }
  return 0;
}
