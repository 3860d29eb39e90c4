#include "controller/commands/replayed.h"

#include "common/base/status_macros.h"
#include "controller/cli/option_types.h"
#include "controller/cli/text.h"

namespace tcpfleet::controller {

void AddReplayTime(CLI::App& app, const std::string& name, std::optional<ReplayTime>& time,
                   const std::string& help) {
  AddParsed(app, name, "TIME", help, [&time](absl::string_view text) -> absl::Status {
    TF_ASSIGN_OR_RETURN(time, ParseReplayTime(text));
    return absl::OkStatus();
  });
}

absl::StatusOr<ExitCode> ConcludeReplay(CommandContext& context, const ReplayFeed& feed) {
  TF_RETURN_IF_ERROR(feed.status());
  for (const std::string& note : feed.condition().Lines()) {
    context.err << "tcpfleet: " << Printable(note) << '\n';
  }
  if (context.interrupt->requested()) return kAborted;
  return feed.condition().whole() ? kOk : kPartial;
}

}  // namespace tcpfleet::controller
