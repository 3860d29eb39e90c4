#include "controller/commands/probe.h"

#include <absl/strings/str_cat.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>

#include "common/base/ip_address.h"
#include "common/base/status_macros.h"
#include "controller/cli/option_types.h"
#include "controller/cli/printer.h"
#include "controller/commands/failures.h"
#include "controller/probe/collect.h"
#include "controller/probe/probe_text.h"
#include "controller/probe/target.h"

namespace tcpfleet::controller {
namespace {

constexpr uint64_t kMostTries = 1'000;
constexpr absl::Duration kLongest = absl::Minutes(1);  // of a try, and between two
constexpr absl::Duration kMostTime = absl::Hours(1);   // agents refuse more

absl::Status PrintAs(const v1::ProbeReport& report, CommandContext& context) {
  switch (context.options.output) {
    case OutputFormat::kTable:
      PrintProbe(context.out, report,
                 {.width = context.out_is_terminal ? context.terminal_columns : 0,
                  .color = context.out_color});
      return absl::OkStatus();
    case OutputFormat::kJson:
      return WriteJson(context.out, report);
    case OutputFormat::kJsonl:
      return absl::OkStatus();  // as they came
    case OutputFormat::kCsv:
      WriteCsvRow(context.out, ProbeCsvHeader());
      for (const v1::ProbePath& path : report.paths()) {
        for (const CsvRow& row : ProbeCsvRows(path)) WriteCsvRow(context.out, row);
      }
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

bool IsAllConnected(const v1::ProbeReport& report) {
  return std::all_of(report.paths().begin(), report.paths().end(), [](const v1::ProbePath& path) {
    return !path.address().empty() && path.failed().empty();
  });
}

class ProbeCommand final : public Command {
 public:
  void AddOptions(CLI::App& app) override {
    AddParsed(app, "TARGET", "", "HOST:PORT; every agent resolves the name itself",
              [this](absl::string_view text) {
                absl::StatusOr<ProbeTarget> target = ParseProbeTarget(text);
                if (target.ok()) target_ = *std::move(target);
                return target.status();
              })
        ->required();
    AddCount(app, "--count", count_, 1, kMostTries, "tries of each address [5]");
    AddDuration(app, "--interval", options_.interval, absl::ZeroDuration(), kLongest,
                "from the start of a try to the start of the next [200ms]");
    AddDuration(app, "--connect-timeout", options_.connect_timeout, absl::Milliseconds(1), kLongest,
                "a handshake that takes longer has failed [3s]");
    CLI::Option* const v4 = app.add_flag("-4,--ipv4", ipv4_, "only IPv4 addresses");
    app.add_flag("-6,--ipv6", ipv6_, "only IPv6 addresses")->excludes(v4);
    app.add_flag("--no-path-mtu", no_path_mtu_, "send no UDP to find the path MTU");
  }

  absl::StatusOr<ExitCode> Run(CommandContext& context) override {
    TF_RETURN_IF_ERROR(Complete());
    TF_ASSIGN_OR_RETURN(const std::unique_ptr<Fleet> fleet, context.OpenFleet());
    const bool as_they_come = context.options.output == OutputFormat::kJsonl;
    const bool says_so = context.err_is_terminal && !as_they_come;
    if (says_so) context.err << "\rtcpfleet: " << target_.text << " is tried" << std::flush;
    absl::Status printed;
    const OnProbePath print_line = [&](const v1::ProbePath& path) {
      printed.Update(WriteJsonl(context.out, path));
      context.out.flush();
    };
    const v1::ProbeReport report = Probe(*fleet, target_, options_, context.interrupt->token(),
                                         as_they_come ? print_line : OnProbePath());
    if (says_so) context.err << "\r\x1b[K" << std::flush;
    TF_RETURN_IF_ERROR(printed);
    TF_RETURN_IF_ERROR(PrintAs(report, context));
    const ExitCode code = ConcludeFanOut(context, fleet->size(), report.failures());
    return code == kOk && !IsAllConnected(report) ? kCheckFailed : code;
  }

 private:
  absl::Status Complete() {
    options_.count = static_cast<uint32_t>(count_);
    options_.path_mtu = !no_path_mtu_;
    if (ipv4_) options_.family = v1::ProbeRequest::FAMILY_IPV4;
    if (ipv6_) options_.family = v1::ProbeRequest::FAMILY_IPV6;
    const absl::StatusOr<base::IpAddress> address = base::IpAddress::Parse(target_.host);
    if (address.ok() && (address->is_v4() ? ipv6_ : ipv4_)) {
      return absl::InvalidArgumentError(absl::StrCat(target_.host, " is an ",
                                                     address->is_v4() ? "IPv4" : "IPv6",
                                                     " address: leave out ", ipv4_ ? "-4" : "-6"));
    }
    const absl::Duration time =
        options_.count * std::max(options_.interval, options_.connect_timeout);
    if (time <= kMostTime) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(
        "so many tries may take ", absl::FormatDuration(time), ", more than ",
        absl::FormatDuration(kMostTime), ": lower --count, --interval or --connect-timeout"));
  }

  ProbeTarget target_;
  ProbeOptions options_;
  uint64_t count_ = 5;
  bool ipv4_ = false;
  bool ipv6_ = false;
  bool no_path_mtu_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeProbeCommand() { return std::make_unique<ProbeCommand>(); }

}  // namespace tcpfleet::controller
