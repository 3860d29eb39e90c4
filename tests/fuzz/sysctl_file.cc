// A sysctl.d file as a profile, and as both programs that apply it see it.
#include <absl/strings/match.h>

#include "common/base/check.h"
#include "common/sysctl/key.h"
#include "common/sysctl/persisted.h"
#include "common/sysctl/value.h"
#include "controller/audit/profile.h"

namespace tcpfleet {
namespace {

void CheckAsProfile(absl::string_view text) {
  const auto profile = controller::ParseSysctlFile("file", text);
  if (!profile.ok()) {
    TF_CHECK(absl::IsInvalidArgument(profile.status()));
    TF_CHECK(absl::StartsWith(profile.status().message(), "file:"));
    return;
  }
  for (const controller::Rule& rule : profile->rules) {
    TF_CHECK(sysctl::ParseKey(sysctl::DottedKey(rule.key)).value() == rule.key);
    TF_CHECK(rule.equals.has_value());
    TF_CHECK(sysctl::Canonical(rule.key, *rule.equals) == *rule.equals);
    TF_CHECK(rule.line > 0);
  }
}

void CheckAsConfiguration(absl::string_view text) {
  const sysctl::ConfigFile file{.path = "/etc/sysctl.d/a.conf", .text = std::string(text)};
  for (const auto applier : {sysctl::Applier::kSystemd, sysctl::Applier::kProcps}) {
    const sysctl::Persisted persisted(applier, {&file, 1});
    for (const char* key : {"net/ipv4/tcp_rmem", "net/ipv4/conf/eth0.100/rp_filter"}) {
      const sysctl::PersistedValue value = persisted.ValueOf(key);
      TF_CHECK(!value.winner || value.winner->line > 0);
      for (const sysctl::Setting& loser : value.losers) {
        TF_CHECK(loser.line > 0 && (!value.winner || loser.line != value.winner->line));
      }
    }
  }
}

}  // namespace
}  // namespace tcpfleet

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  tcpfleet::CheckAsProfile(text);
  tcpfleet::CheckAsConfiguration(text);
  return 0;
}
