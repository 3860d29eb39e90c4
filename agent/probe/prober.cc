#include "agent/probe/prober.h"

#include <absl/strings/str_cat.h>
#include <absl/types/span.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "agent/probe/connect_try.h"
#include "agent/probe/path_mtu.h"
#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "common/sys/resolve.h"

namespace tcpfleet::agent {
namespace {

constexpr int64_t kSinkPatienceNs = 30'000'000'000;
constexpr int64_t kSinkPauseNs = 2'000'000;
constexpr char kCancelled[] = "the probe was cancelled";

// A socket needs an interface for such an address too, which is not known here.
bool IsLinkLocal(const base::IpAddress& address) {
  static const base::IpNetwork link_local = *base::IpNetwork::Parse("fe80::/10");
  return link_local.Contains(address);
}

// Those of the family that was asked for. One that is written as IPv4-mapped is an IPv4 address.
std::vector<base::IpAddress> Wanted(absl::Span<const base::IpAddress> addresses,
                                    std::optional<base::IpAddress::Family> family) {
  std::vector<base::IpAddress> wanted;
  for (const base::IpAddress& address : addresses) {
    const base::IpAddress plain = address.Unmapped();
    if ((family && plain.family() != *family) || IsLinkLocal(plain)) continue;
    if (std::find(wanted.begin(), wanted.end(), plain) == wanted.end()) wanted.push_back(plain);
  }
  return wanted;
}

class Prober {
 public:
  Prober(const ProbePlan& plan, const AgentLoadLimits& limits, InterruptibleWait& wait,
         ProbeSink& sink)
      : plan_(plan), limits_(limits), wait_(wait), sink_(sink) {}

  absl::Status Run() {
    TF_RETURN_IF_ERROR(Resolve());
    TF_RETURN_IF_ERROR(TryAll());
    return plan_.path_mtu ? FindPathMtus() : absl::OkStatus();
  }

 private:
  absl::Status Resolve();
  absl::Status TryAll();
  absl::Status FindPathMtus();
  absl::Status Send(v1::ProbeResponse response);

  const ProbePlan& plan_;
  const AgentLoadLimits& limits_;
  InterruptibleWait& wait_;
  ProbeSink& sink_;
  std::vector<base::Endpoint> targets_;
};

absl::Status Prober::Resolve() {
  v1::ProbeResponse response;
  v1::ProbeResolution& resolution = *response.mutable_resolution();
  const int64_t start_ns = base::MonotonicNowNs();
  const absl::StatusOr<std::vector<base::IpAddress>> resolved = sys::ResolveHost(plan_.host);
  resolution.set_duration_us(static_cast<double>(base::MonotonicNowNs() - start_ns) / 1e3);
  if (!resolved.ok()) {
    resolution.set_error(std::string(resolved.status().message()));
    return Send(std::move(response));
  }
  for (const base::IpAddress& address : Wanted(*resolved, plan_.family)) {
    TF_RETURN_IF_ERROR(CheckTargetAllowed(limits_, "probe", plan_.host, address));
    targets_.push_back({address, plan_.port});
    resolution.add_addresses(address.ToString());
  }
  TF_RETURN_IF_ERROR(CheckProbeTime(plan_, targets_.size()));
  if (targets_.empty()) {
    const bool is_v4 = plan_.family == base::IpAddress::Family::kV4;
    const bool is_left_out =
        !is_v4 && std::any_of(resolved->begin(), resolved->end(), &IsLinkLocal);
    resolution.set_error(absl::StrCat(
        "'", plan_.host, "' has no ", is_v4 ? "IPv4" : "IPv6", " address",
        is_left_out ? " but link-local ones, another host on each link: give one that is routed"
                    : ""));
  }
  return Send(std::move(response));
}

absl::Status Prober::TryAll() {
  std::vector<int64_t> due_ns(targets_.size(), 0);
  for (uint32_t number = 1; number <= plan_.count; ++number) {
    for (size_t i = 0; i < targets_.size(); ++i) {
      if (!wait_.Until(due_ns[i])) return absl::CancelledError(kCancelled);
      due_ns[i] = base::MonotonicNowNs() + plan_.interval_ns;
      TF_ASSIGN_OR_RETURN(v1::ProbeTry result, TryConnect(targets_[i], plan_.timeout_ns, wait_));
      result.set_number(number);
      v1::ProbeResponse response;
      *response.mutable_try_() = std::move(result);
      TF_RETURN_IF_ERROR(Send(std::move(response)));
    }
  }
  return absl::OkStatus();
}

absl::Status Prober::FindPathMtus() {
  for (const base::Endpoint& target : targets_) {
    v1::ProbeResponse response;
    TF_ASSIGN_OR_RETURN(*response.mutable_path_mtu(), FindPathMtu(target, wait_));
    TF_RETURN_IF_ERROR(Send(std::move(response)));
  }
  return absl::OkStatus();
}

absl::Status Prober::Send(v1::ProbeResponse response) {
  const int64_t deadline_ns = base::MonotonicNowNs() + kSinkPatienceNs;
  while (!sink_.Ready()) {
    const int64_t now_ns = base::MonotonicNowNs();
    if (now_ns >= deadline_ns) {
      return absl::ResourceExhaustedError("the caller does not read what the probe found");
    }
    if (!wait_.Until(now_ns + kSinkPauseNs)) break;
  }
  if (wait_.interrupted()) return absl::CancelledError(kCancelled);
  sink_.Send(std::move(response));
  return absl::OkStatus();
}

}  // namespace

absl::Status RunProbe(const ProbePlan& plan, const AgentLoadLimits& limits, InterruptibleWait& wait,
                      ProbeSink& sink) {
  return Prober(plan, limits, wait, sink).Run();
}

}  // namespace tcpfleet::agent
