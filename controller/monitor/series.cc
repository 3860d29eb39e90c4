#include "controller/monitor/series.h"

#include <absl/status/statusor.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "common/base/status_macros.h"

namespace tcpfleet::controller {
namespace {

constexpr double kFewestSegments = 1'000;

constexpr std::array<SeriesDefinition, 8> kDefinitions = {{
    {"connections", "connections", "many connections", 1, 10},
    {"time_wait", "sockets", "many sockets in TIME-WAIT", 1, 10},
    {"time_wait_per_tuple", "sockets", "many sockets in TIME-WAIT towards one destination", 1, 10},
    {"connect_rate", "1/s", "many outgoing connections", 1e-3, 1},
    {"accept_rate", "1/s", "many incoming connections", 1e-3, 1},
    {"error_rate", "1/s", "connections fail", 1e-3, 0.1},
    {"retransmitted_share", "share", "many segments are sent again", 1e-6, 0.001},
    {"port_use", "share", "ephemeral ports run out towards one destination", 1e-6, 0.01},
}};

using Values = absl::StatusOr<std::vector<SubjectValue>>;

absl::Status Unknown(absl::string_view why) { return absl::FailedPreconditionError(why); }

std::string Tuple(const std::string& local, const std::string& peer, uint32_t port) {
  const bool is_v6 = absl::string_view(peer).find(':') != absl::string_view::npos;
  return absl::StrCat(local, " to ", is_v6 ? "[" : "", peer, is_v6 ? "]:" : ":", port);
}

// The series of one namespace.
class NamespaceReader {
 public:
  NamespaceReader(const v1::KernelSnapshot* before, const v1::KernelSnapshot& now,
                  const v1::NamespaceStatistics& statistics)
      : now_(now), statistics_(statistics) {
    if (before == nullptr) {
      no_rate_ = "it takes two snapshots";
    } else if (before->boot_id() != now.boot_id()) {
      no_rate_ = "the host has rebooted";
    } else if (now.monotonic_ns() <= before->monotonic_ns()) {
      no_rate_ = "no time between two snapshots";
    } else {
      seconds_ =
          (static_cast<double>(now.monotonic_ns()) - static_cast<double>(before->monotonic_ns())) /
          1e9;
      for (const v1::NamespaceStatistics& earlier : before->namespaces()) {
        if (earlier.network_namespace() == statistics.network_namespace()) before_ = &earlier;
      }
      if (before_ == nullptr) no_rate_ = "the namespace is new";
    }
  }

  Values Read(absl::string_view series) const {
    if (series == "connections") return Connections();
    if (series == "time_wait") return TimeWait();
    if (series == "time_wait_per_tuple") return TimeWaitPerTuple();
    if (series == "port_use") return PortUse();
    if (series == "retransmitted_share") return RetransmittedShare();
    if (series == "connect_rate") return Rate({"Tcp.ActiveOpens"});
    if (series == "accept_rate") return Rate({"Tcp.PassiveOpens"});
    return Rate({"Tcp.AttemptFails", "Tcp.EstabResets"});
  }

 private:
  std::string WhyMissing(absl::string_view source) const {
    for (const v1::MissingSource& missing : now_.missing()) {
      const bool is_here = missing.network_namespace() == 0 ||
                           missing.network_namespace() == statistics_.network_namespace();
      if (is_here && missing.source() == std::string(source)) {
        return absl::StrCat(missing.source(), ": ", missing.why());
      }
    }
    return absl::StrCat(source, " was not read");
  }

  absl::Status CheckSockets() const {
    return statistics_.has_sockets() ? absl::OkStatus() : Unknown(WhyMissing("inet_diag"));
  }

  Values Connections() const {
    TF_RETURN_IF_ERROR(CheckSockets());
    double sum = 0;
    for (const auto& [state, sockets] : statistics_.sockets().states()) {
      if (state != "LISTEN" && state != "TIME-WAIT") sum += static_cast<double>(sockets);
    }
    return std::vector<SubjectValue>{{"", sum}};
  }

  Values TimeWait() const {
    TF_RETURN_IF_ERROR(CheckSockets());
    const auto& states = statistics_.sockets().states();
    const auto found = states.find("TIME-WAIT");
    return std::vector<SubjectValue>{
        {"", found == states.end() ? 0 : static_cast<double>(found->second)}};
  }

  Values TimeWaitPerTuple() const {
    TF_RETURN_IF_ERROR(CheckSockets());
    std::vector<SubjectValue> values;
    for (const v1::SocketGroup& group : statistics_.sockets().time_wait()) {
      values.push_back({Tuple(group.local_address(), group.peer_address(), group.peer_port()),
                        static_cast<double>(group.sockets())});
    }
    return values;
  }

  Values PortUse() const {
    TF_RETURN_IF_ERROR(CheckSockets());
    if (!statistics_.sockets().has_port_range_low()) {
      return Unknown(WhyMissing("/proc/sys/net/ipv4/ip_local_port_range"));
    }
    std::vector<SubjectValue> values;
    for (const v1::PortUse& use : statistics_.sockets().port_use()) {
      if (use.usable() == 0) continue;
      values.push_back({Tuple(use.local_address(), use.peer_address(), use.peer_port()),
                        static_cast<double>(use.used()) / use.usable()});
    }
    return values;
  }

  absl::StatusOr<double> Growth(const std::string& counter) const {
    if (before_ == nullptr) return Unknown(no_rate_);
    const auto from = before_->counters().find(counter);
    const auto to = statistics_.counters().find(counter);
    if (from == before_->counters().end() || to == statistics_.counters().end()) {
      return Unknown(WhyMissing("/proc/net/snmp"));
    }
    if (to->second < from->second) return Unknown(absl::StrCat(counter, " went back"));
    return static_cast<double>(to->second - from->second);
  }

  Values Rate(absl::Span<const char* const> counters) const {
    double sum = 0;
    for (const char* counter : counters) {
      TF_ASSIGN_OR_RETURN(const double growth, Growth(counter));
      sum += growth;
    }
    return std::vector<SubjectValue>{{"", sum / seconds_}};
  }

  Values RetransmittedShare() const {
    TF_ASSIGN_OR_RETURN(const double again, Growth("Tcp.RetransSegs"));
    TF_ASSIGN_OR_RETURN(const double sent, Growth("Tcp.OutSegs"));
    // OutSegs does not count what is sent again (RFC 4022).
    return std::vector<SubjectValue>{{"", again / std::max(sent + again, kFewestSegments)}};
  }

  const v1::KernelSnapshot& now_;
  const v1::NamespaceStatistics& statistics_;
  const v1::NamespaceStatistics* before_ = nullptr;
  double seconds_ = 0;
  std::string no_rate_;
};

}  // namespace

absl::Span<const SeriesDefinition> SeriesDefinitions() { return kDefinitions; }

std::string NamespaceName(const v1::NamespaceStatistics& statistics) {
  return statistics.name().empty() ? absl::StrCat("netns ", statistics.network_namespace())
                                   : statistics.name();
}

const SeriesDefinition* FindSeriesDefinition(absl::string_view name) {
  for (const SeriesDefinition& definition : kDefinitions) {
    if (definition.name == name) return &definition;
  }
  return nullptr;
}

std::vector<SeriesReading> ReadSeries(const v1::KernelSnapshot* before,
                                      const v1::KernelSnapshot& now) {
  std::vector<SeriesReading> readings;
  for (int i = 0; i < now.namespaces_size(); ++i) {
    const v1::NamespaceStatistics& statistics = now.namespaces(i);
    const NamespaceReader reader(before, now, statistics);
    for (const SeriesDefinition& definition : kDefinitions) {
      SeriesReading& reading = readings.emplace_back();
      reading.series = &definition;
      if (i > 0) {
        reading.network_namespace = NamespaceName(statistics);
      }
      Values values = reader.Read(definition.name);
      if (!values.ok()) {
        reading.unknown = std::string(values.status().message());
        continue;
      }
      reading.values = *std::move(values);
      std::stable_sort(reading.values.begin(), reading.values.end(),
                       [](const auto& a, const auto& b) { return a.value > b.value; });
    }
  }
  return readings;
}

}  // namespace tcpfleet::controller
