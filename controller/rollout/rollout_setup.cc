#include "controller/rollout/rollout_setup.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/string_view.h>

#include <map>
#include <vector>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/base/units.h"
#include "controller/cli/text.h"
#include "controller/fleet/host_list.h"
#include "controller/rollout/host_steps.h"
#include "controller/rollout/waves.h"

namespace tcpfleet::controller {
namespace {

// The private agent has another socket every time; that the host is the plan's, agents check.
bool AreOnThisHost(absl::string_view a, absl::string_view b) {
  return absl::StartsWith(a, "unix:") && absl::StartsWith(b, "unix:");
}

}  // namespace

absl::Status CheckSettings(const v1::RolloutSettings& settings, absl::Duration timeout) {
  const absl::Status batches =
      CheckBatches(std::vector<std::string>(settings.batches().begin(), settings.batches().end()));
  if (!batches.ok()) return base::WithContext("--batches", batches);
  // After the soak counters are read and the changes confirmed.
  const absl::Duration needed = absl::Seconds(settings.soak_seconds()) + 2 * timeout;
  const absl::Duration within = absl::Seconds(settings.confirm_within_seconds());
  if (needed <= within) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "--soak and two --timeout are ", base::FormatAge(needed), ", longer than --confirm-within, ",
      base::FormatAge(within), ": changes would revert before they could be confirmed"));
}

absl::StatusOr<v1::RolloutReport> NewRollout(const v1::SysctlPlan& plan,
                                             const v1::RolloutSettings& settings,
                                             const std::string& holder) {
  v1::RolloutReport report;
  *report.mutable_plan() = plan;
  *report.mutable_settings() = settings;
  report.set_holder(holder);
  report.set_state(rollout_state::kPlanned);
  const std::vector<std::string> batches(settings.batches().begin(), settings.batches().end());
  TF_ASSIGN_OR_RETURN(
      const std::vector<size_t> sizes,
      WaveSizes(static_cast<size_t>(plan.hosts_size()), settings.canary(), batches));
  int next = 0;
  for (const size_t size : sizes) {
    v1::RolloutWave& wave = *report.add_waves();
    wave.set_state(wave_state::kWaiting);
    for (size_t i = 0; i < size; ++i) {
      v1::RolloutHost& host = *wave.add_hosts();
      host.set_name(plan.hosts(next++).name());
      host.set_state(host_state::kWaiting);
    }
  }
  return report;
}

absl::Status CheckFleetHasHosts(const v1::SysctlPlan& plan, Fleet& fleet) {
  std::map<std::string, std::string> addresses;
  for (const FleetMember& member : fleet.members()) {
    addresses[member.target.name] = member.target.address;
  }
  std::vector<std::string> missing;
  for (const v1::PlannedHost& host : plan.hosts()) {
    const auto found = addresses.find(host.name());
    if (found == addresses.end()) {
      missing.push_back(host.name());
    } else if (found->second != host.address() && !AreOnThisHost(found->second, host.address())) {
      return absl::FailedPreconditionError(absl::StrCat(Printable(host.name()), " is at ",
                                                        found->second, ", the plan was made for ",
                                                        Printable(host.address())));
    }
  }
  if (missing.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("not in this fleet: ", Printable(FoldNames(missing)),
                   ": give the same --agents or --inventory as to 'sysctl plan'"));
}

}  // namespace tcpfleet::controller
