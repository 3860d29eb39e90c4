#include "controller/monitor/command_sink.h"

#include <absl/strings/str_cat.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <utility>

#include "common/base/status_macros.h"
#include "common/sys/child_process.h"
#include "controller/cli/text.h"

namespace tcpfleet::controller {
namespace {

constexpr absl::Duration kStderrWait = absl::Milliseconds(50);

}  // namespace

absl::StatusOr<std::unique_ptr<CommandSink>> CommandSink::Open(CommandSinkOptions options,
                                                               base::Clock& clock) {
  TF_ASSIGN_OR_RETURN(sys::TemporaryDirectory directory,
                      sys::TemporaryDirectory::Create("tcpfleet-alert"));
  return std::unique_ptr<CommandSink>(
      new CommandSink(std::move(options), std::move(directory), clock));
}

CommandSink::CommandSink(CommandSinkOptions options, sys::TemporaryDirectory directory,
                         base::Clock& clock)
    : options_(std::move(options)),
      directory_(std::move(directory)),
      clock_(clock),
      worker_(
          absl::StrCat("command ", options_.run[0]), 1,
          [this](absl::Span<const v1::AlertNotification> notifications, int64_t deadline_ns) {
            return notifications.empty() ? absl::OkStatus() : Run(notifications[0], deadline_ns);
          },
          clock) {}

absl::Status CommandSink::Run(const v1::AlertNotification& notification,
                              int64_t deadline_ns) const {
  std::string json;
  const auto printed = google::protobuf::util::MessageToJsonString(notification, &json);
  if (!printed.ok()) return absl::InternalError(std::string(printed.message()));
  const std::string path = directory_.path() + "/notification.json";
  TF_RETURN_IF_ERROR(sys::WriteFile(path, json + "\n"));
  TF_ASSIGN_OR_RETURN(const sys::UniqueFd input, sys::OpenForRead(path));
  TF_ASSIGN_OR_RETURN(const sys::UniqueFd nothing, sys::OpenForWrite("/dev/null"));
  TF_ASSIGN_OR_RETURN(sys::Pipe errors, sys::NewPipe());
  TF_ASSIGN_OR_RETURN(sys::ChildProcess child,
                      sys::ChildProcess::Start({.arguments = options_.run,
                                                .environment = {},
                                                .stdin_fd = input.get(),
                                                .stdout_fd = nothing.get(),
                                                .stderr_fd = errors.write_end.get(),
                                                .own_process_group = true}));
  errors.write_end.Reset();
  const int64_t until_ns =
      std::min(deadline_ns, clock_.MonotonicNs() + absl::ToInt64Nanoseconds(options_.timeout));
  const std::optional<int> exit_code = child.WaitUntil(until_ns);
  if (!exit_code) {
    child.KillGroup();
    return absl::AbortedError(
        absl::StrCat("killed after ", absl::FormatDuration(options_.timeout)));
  }
  if (*exit_code == 0) return absl::OkStatus();
  // What it said is there already; its own children may keep the pipe open.
  const absl::StatusOr<std::string> said = sys::ReadLineUntil(
      errors.read_end.get(), base::MonotonicNowNs() + absl::ToInt64Nanoseconds(kStderrWait));
  return absl::AbortedError(absl::StrCat("exit code ", *exit_code, said.ok() ? ": " : "",
                                         said.ok() ? Shortened(Printable(*said), 200) : ""));
}

}  // namespace tcpfleet::controller
