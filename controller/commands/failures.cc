#include "controller/commands/failures.h"

#include <string>
#include <vector>

#include "controller/cli/text.h"
#include "controller/fleet/failure.h"

namespace tcpfleet::controller {

ExitCode ConcludeFanOut(CommandContext& context, size_t asked,
                        const google::protobuf::RepeatedPtrField<v1::AgentFailure>& failures) {
  context.out.flush();  // on a terminal both streams share, failures follow the data
  if (context.options.output != OutputFormat::kJson) {
    const std::vector<v1::AgentFailure> list(failures.begin(), failures.end());
    for (const std::string& line : FailureLines(list)) {
      context.err << "tcpfleet: " << Styled(Style::kRed, Printable(line), context.err_color)
                  << '\n';
    }
  }
  if (!failures.empty()) {
    context.err << "tcpfleet: " << failures.size() << " of " << asked
                << (asked == 1 ? " agent" : " agents") << " failed\n";
  }
  if (context.interrupt->requested()) return kAborted;
  return failures.empty() ? kOk : kPartial;
}

}  // namespace tcpfleet::controller
