#pragma once

#include <absl/types/span.h>
#include <google/protobuf/repeated_ptr_field.h>

#include <cstddef>

#include "controller/cli/command_context.h"
#include "controller/cli/exit_code.h"
#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

// Says on stderr who did not do its part (in JSON output the document says it) and gives the exit
// code of a command that asked `asked` agents.
ExitCode ConcludeFanOut(CommandContext& context, size_t asked,
                        const google::protobuf::RepeatedPtrField<v1::AgentFailure>& failures);

}  // namespace tcpfleet::controller
