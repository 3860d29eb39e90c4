#include "controller/commands/stack.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "common/base/status_macros.h"
#include "controller/audit/fold.h"
#include "controller/audit/sysctl_text.h"
#include "controller/cli/option_types.h"
#include "controller/cli/printer.h"
#include "controller/commands/failures.h"
#include "controller/stack/stack_csv.h"
#include "controller/stack/stack_reader.h"
#include "controller/stack/stack_text.h"

namespace tcpfleet::controller {
namespace {

constexpr absl::Duration kLongest = absl::Hours(24);
constexpr absl::Duration kShortestEvery = absl::Milliseconds(100);
constexpr absl::Duration kDefaultEvery = absl::Seconds(10);
constexpr uint64_t kMostTop = 1'000;

class StackCommand final : public Command {
 public:
  void AddOptions(CLI::App& app) override {
    AddDuration(app, "--for", for_, kShortestEvery, kLongest,
                "look again and again, and say what moved in between");
    every_option_ =
        AddDuration(app, "--every", every_, kShortestEvery, kLongest, "with --for [10s]");
    AddCount(app, "--top", top_, 1, kMostTop, "ports, processes, peers and listeners shown [10]");
    app.add_flag("--all-namespaces", all_namespaces_, "of every network namespace of the hosts");
  }

  absl::StatusOr<ExitCode> Run(CommandContext& context) override {
    if (for_ == absl::ZeroDuration() && every_option_->count() > 0) {
      return absl::InvalidArgumentError("--every goes with --for");
    }
    TF_ASSIGN_OR_RETURN(const std::unique_ptr<Fleet> fleet, context.OpenFleet());
    const std::stop_token stop = context.interrupt->token();
    StackReader reader(*fleet, Request());
    reader.Introduce(context.clock, stop);
    if (context.options.output == OutputFormat::kCsv) {
      WriteCsvRow(context.out, StackCsvHeader());
    }
    reader.TakeRound(stop);
    TF_RETURN_IF_ERROR(PrintRound(reader, context));
    if (context.options.output == OutputFormat::kTable) PrintParameters(*fleet, reader, context);
    TF_RETURN_IF_ERROR(TakeFurtherRounds(reader, context));
    const v1::StackReport report = reader.Whole();
    if (context.options.output == OutputFormat::kJson) {
      TF_RETURN_IF_ERROR(WriteJson(context.out, report));
    }
    return ConcludeFanOut(context, fleet->size(), report.failures());
  }

 private:
  v1::SnapshotKernelRequest Request() const {
    v1::SnapshotKernelRequest request;
    request.set_top(static_cast<uint32_t>(top_));
    request.set_all_namespaces(all_namespaces_);
    request.set_owners(true);
    return request;
  }

  absl::Status TakeFurtherRounds(StackReader& reader, CommandContext& context) const {
    const int64_t begin_ns = context.clock.MonotonicNs();
    const int64_t for_ns = absl::ToInt64Nanoseconds(for_);
    const int64_t every_ns = absl::ToInt64Nanoseconds(std::min(every_, for_));
    for (int64_t at_ns = every_ns; every_ns > 0 && at_ns <= for_ns; at_ns += every_ns) {
      // Rounds that are slower than the interval leave some out.
      if (begin_ns + at_ns < context.clock.MonotonicNs() && at_ns + every_ns <= for_ns) continue;
      const std::stop_token stop = context.interrupt->token();
      if (!context.clock.SleepUntil(begin_ns + at_ns, stop)) break;
      reader.TakeRound(stop);
      if (context.options.output == OutputFormat::kTable) context.out << '\n';
      TF_RETURN_IF_ERROR(PrintRound(reader, context));
    }
    return absl::OkStatus();
  }

  absl::Status PrintRound(const StackReader& reader, CommandContext& context) const {
    if (context.options.output == OutputFormat::kJson) return absl::OkStatus();
    bool is_first = true;
    for (const v1::StackHost& host : reader.LatestRound()) {
      switch (context.options.output) {
        case OutputFormat::kTable:
          if (!is_first) context.out << '\n';
          PrintStackHost(context.out, host,
                         {.width = context.out_is_terminal ? context.terminal_columns : 0,
                          .color = context.out_color});
          break;
        case OutputFormat::kJsonl:
          TF_RETURN_IF_ERROR(WriteJsonl(context.out, host));
          break;
        case OutputFormat::kCsv:
          for (const CsvRow& row : StackCsvRows(host)) WriteCsvRow(context.out, row);
          break;
        case OutputFormat::kJson:
          break;
      }
      is_first = false;
    }
    context.out.flush();
    return absl::OkStatus();
  }

  static void PrintParameters(Fleet& fleet, const StackReader& reader, CommandContext& context) {
    const v1::SysctlReport report = FoldSysctls(fleet.members(), reader.sysctls());
    if (report.keys().empty()) return;
    context.out << '\n' << Styled(Style::kBold, "kernel parameters", context.out_color) << '\n';
    PrintSysctls(context.out, report, context.out_color);
    context.out.flush();
  }

  absl::Duration for_ = absl::ZeroDuration();
  absl::Duration every_ = kDefaultEvery;
  CLI::Option* every_option_ = nullptr;
  uint64_t top_ = 10;
  bool all_namespaces_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeStackCommand() { return std::make_unique<StackCommand>(); }

}  // namespace tcpfleet::controller
