#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "common/base/status_macros.h"
#include "common/sockets/field.h"
#include "tests/bench/fleet.h"
#include "tests/bench/groups.h"
#include "tests/bench/json_object.h"
#include "tests/bench/process_usage.h"
#include "tests/bench/recorded_frames.h"
#include "tests/bench/socket_holders.h"
#include "tests/bench/subscriber.h"
#include "tests/support/run_command.h"

namespace tcpfleet::bench {
namespace {

constexpr int kActivePercent = 20;
constexpr int kPolls = 5;
constexpr int kDumps = 4;
// Of the inet_diag bytecode, and of an incremental scan that finds nothing new.
constexpr Goal kFullGoal = AtMost(1.15);
constexpr Goal kFilteredGoal = AtMost(0.35);
constexpr Goal kAttributionGoal = AtMost(0.1);
constexpr Goal kSampleGoalBytes = AtMost(2.5);
constexpr Goal kKeyframeGoalBytes = AtMost(8);
constexpr Goal kReplayGoal = AtMost(0.01);

// What a dump with nothing but tcp_info brings.
v1::WatchRequest TcpInfoRequest() {
  v1::WatchRequest request;
  for (const sockets::FieldInfo& info : sockets::AllFields()) {
    if (info.field <= sockets::Field::kAccecnOptSeen) {
      request.add_field_ids(static_cast<uint32_t>(info.field));
    }
  }
  return request;
}

absl::StatusOr<double> ChildCpuUs(const std::string& command, int cpu) {
  const auto used_us = [] {
    rusage usage{};
    ::getrusage(RUSAGE_CHILDREN, &usage);
    return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
  };
  const double before = used_us();
  TF_RETURN_IF_ERROR(
      tests::OutputOf({"sh", "-c", absl::StrCat("taskset -c ", cpu, " ", command, " >/dev/null")})
          .status());
  return used_us() - before;
}

class SocketsBench {
 public:
  static absl::StatusOr<SocketsBench> Start(const BenchOptions& options, int connections) {
    absl::FPrintF(stderr, "sockets: opening %d connections\n", connections);
    TF_ASSIGN_OR_RETURN(SocketHolders holders,
                        SocketHolders::Start(connections, kActivePercent, options.server_cpu));
    TF_ASSIGN_OR_RETURN(Agent agent, Agent::Start(options.client_cpu));
    return SocketsBench(options, absl::StrCat("sockets/", connections / 1000, "k/"),
                        std::move(holders), std::move(agent));
  }

  absl::StatusOr<Measurements> Measure() {
    TF_RETURN_IF_ERROR(MeasureRounds());
    TF_RETURN_IF_ERROR(MeasureOthers());
    rows_.insert(rows_.begin(), FromRounds(prefix_ + "bare-dump", bare_us_, "us"));
    return std::move(rows_);
  }

 private:
  SocketsBench(const BenchOptions& options, std::string prefix, SocketHolders holders, Agent agent)
      : options_(options),
        prefix_(std::move(prefix)),
        holders_(std::move(holders)),
        agent_(std::move(agent)) {}

  absl::StatusOr<double> BareDumpUs() {
    TF_ASSIGN_OR_RETURN(Program dump,
                        Program::Start({"tcpfleet-limit", "dump", "--repeat", absl::StrCat(kDumps)},
                                       options_.client_cpu));
    TF_ASSIGN_OR_RETURN(const std::string json, dump.Finish());
    TF_ASSIGN_OR_RETURN(const double seconds, NumberIn(json, "cpu_seconds"));
    bare_us_.push_back(seconds * 1e6);
    return bare_us_.back();
  }

  // CPU of the whole agent per poll, without the first frames; those of the polls go to `frames`.
  absl::StatusOr<double> AgentUsPerPoll(const v1::WatchRequest& request, int polls,
                                        std::vector<v1::ConnectionFrame>* frames = nullptr) {
    TF_ASSIGN_OR_RETURN(const std::unique_ptr<Subscriber> subscriber,
                        Subscriber::Start(agent_.address(), request));
    TF_RETURN_IF_ERROR(AwaitSteadyState(*subscriber, frames));
    TF_ASSIGN_OR_RETURN(const double before_us, LiveThreadsCpuMicroseconds(agent_.pid()));
    for (int poll = 0; poll < polls; ++poll) {
      TF_ASSIGN_OR_RETURN(v1::ConnectionFrame frame, subscriber->Next());
      if (frame.merged_polls() != 1) return absl::FailedPreconditionError("polls were merged");
      if (frames != nullptr) frames->push_back(std::move(frame));
    }
    TF_ASSIGN_OR_RETURN(const double after_us, LiveThreadsCpuMicroseconds(agent_.pid()));
    TF_ASSIGN_OR_RETURN(const double resident_bytes, ResidentBytes(agent_.pid()));
    resident_bytes_ = std::max(resident_bytes_, resident_bytes);
    return (after_us - before_us) / polls;
  }

  // The keyframe, and frames until every owner that can be found is.
  static absl::Status AwaitSteadyState(Subscriber& subscriber,
                                       std::vector<v1::ConnectionFrame>* frames) {
    constexpr int kMostFrames = 120;
    uint64_t unattributed = UINT64_MAX;
    for (int seen = 0; seen < kMostFrames; ++seen) {
      TF_ASSIGN_OR_RETURN(const v1::ConnectionFrame frame, subscriber.Next());
      if (frames != nullptr) frames->push_back(frame);
      if (seen > 0 && frame.completeness().unattributed() >= unattributed) {
        return absl::OkStatus();
      }
      unattributed = frame.completeness().unattributed();
    }
    return absl::FailedPreconditionError("owners of sockets are still being found");
  }

  absl::Status MeasureRounds() {
    v1::WatchRequest filtered = TcpInfoRequest();
    filtered.set_filter(absl::StrCat("dport = :", holders_.first_port()));
    v1::WatchRequest owned = TcpInfoRequest();
    owned.set_processes(true);
    std::vector<double> full_x, filtered_x, owned_x;
    for (int round = 0; round < options_.rounds; ++round) {
      TF_ASSIGN_OR_RETURN(const double bare_us, BareDumpUs());
      TF_ASSIGN_OR_RETURN(const double full_us, AgentUsPerPoll(TcpInfoRequest(), kPolls));
      TF_ASSIGN_OR_RETURN(const double owned_us, AgentUsPerPoll(owned, kPolls));
      TF_ASSIGN_OR_RETURN(const double filtered_us, AgentUsPerPoll(filtered, kPolls));
      full_x.push_back(full_us / bare_us);
      filtered_x.push_back(filtered_us / bare_us);
      owned_x.push_back((owned_us - full_us) / bare_us);
      absl::FPrintF(stderr, "%s %d/%d: full %.3f, filtered %.3f, owners %+.3f x bare\n", prefix_,
                    round + 1, options_.rounds, full_x.back(), filtered_x.back(), owned_x.back());
    }
    rows_ = {FromRounds(prefix_ + "full", full_x, kTimesBare, kFullGoal),
             FromRounds(prefix_ + "filtered", filtered_x, kTimesBare, kFilteredGoal),
             FromRounds(prefix_ + "attribution", owned_x, kTimesBare, kAttributionGoal)};
    return absl::OkStatus();
  }

  absl::Status MeasureOthers() {
    constexpr int kRecordedPolls = 30;
    std::vector<v1::ConnectionFrame> frames;
    TF_ASSIGN_OR_RETURN(const double bare_us, BareDumpUs());
    TF_ASSIGN_OR_RETURN(const double all_us,
                        AgentUsPerPoll(v1::WatchRequest(), kRecordedPolls, &frames));
    Add("all-fields", all_us / bare_us, kTimesBare);
    TF_ASSIGN_OR_RETURN(const double ss_us, ChildCpuUs("ss -tinHO", options_.client_cpu));
    Add("ss", ss_us / bare_us, kTimesBare);
    TF_ASSIGN_OR_RETURN(const double ssp_us, ChildCpuUs("ss -tinHOp", options_.client_cpu));
    Add("ss-p", ssp_us / bare_us, kTimesBare);
    const double sockets = static_cast<double>(frames.back().completeness().seen());
    Add("rss", resident_bytes_ / sockets, "B/socket");
    TF_ASSIGN_OR_RETURN(const RecordedFrames recorded, MeasureRecordedFrames(frames));
    Add("sample-bytes", recorded.sample_bytes, "B", kSampleGoalBytes);
    Add("keyframe-bytes", recorded.keyframe_bytes, "B", kKeyframeGoalBytes);
    Add("decode", recorded.decode_ns_per_row, "ns/row");
    Add("decode-keyframe", recorded.decode_keyframe_ns_per_row, "ns/row");
    Add("replay", recorded.replay_cost, "x real time", kReplayGoal);
    return absl::OkStatus();
  }

  void Add(const std::string& name, double value, const std::string& unit,
           std::optional<Goal> goal = std::nullopt) {
    rows_.push_back(FromRounds(prefix_ + name, {value}, unit, goal));
  }

  BenchOptions options_;
  std::string prefix_;
  SocketHolders holders_;
  Agent agent_;
  std::vector<double> bare_us_;
  double resident_bytes_ = 0;
  Measurements rows_;
};

absl::StatusOr<Measurements> MeasureSockets(const BenchOptions& options, int connections) {
  TF_ASSIGN_OR_RETURN(SocketsBench bench, SocketsBench::Start(options, connections));
  return bench.Measure();
}

}  // namespace

absl::StatusOr<Measurements> MeasureSockets10k(const BenchOptions& options) {
  return MeasureSockets(options, 10'000);
}

absl::StatusOr<Measurements> MeasureSockets100k(const BenchOptions& options) {
  return MeasureSockets(options, 100'000);
}

}  // namespace tcpfleet::bench
