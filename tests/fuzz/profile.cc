// Profiles that parse have rules that can be shown and judged; others are one line with the place.
#include "controller/audit/profile.h"

#include <absl/strings/match.h>

#include "common/base/check.h"
#include "controller/audit/evaluate.h"

namespace tcpfleet::controller {
namespace {

void Check(const Rule& rule) {
  TF_CHECK(!rule.key.empty());
  TF_CHECK(!WantedText(rule).empty());
  const HostFacts host{.kernel = "6.1.0", .memory_bytes = uint64_t{8} << 30, .labels = {}};
  TF_CHECK(Judge(rule, host, nullptr).state != RuleState::kWrong);
  for (const char* value : {"", "1", "4096\t131072\t6291456", "18446744073709551616", "bbr"}) {
    v1::Sysctl sysctl;
    sysctl.set_key(rule.key);
    sysctl.set_value(value);
    const Judgement judgement = Judge(rule, host, &sysctl);
    TF_CHECK(judgement.state != RuleState::kRight || IsWanted(rule, *judgement.value));
  }
}

void Check(const absl::StatusOr<Profile>& profile) {
  if (!profile.ok()) {
    TF_CHECK(absl::IsInvalidArgument(profile.status()));
    TF_CHECK(absl::StartsWith(profile.status().message(), "file"));
    return;
  }
  for (const Rule& rule : profile->rules) Check(rule);
}

}  // namespace
}  // namespace tcpfleet::controller

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  tcpfleet::controller::Check(tcpfleet::controller::ParseProfile("file", text));
  return 0;
}
