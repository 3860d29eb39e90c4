#pragma once

#include <absl/status/status.h>

#include <functional>
#include <string>

#include "tcpfleet/v1/sysctl.pb.h"

namespace tcpfleet::agent {

// False when no more can be taken.
using ListSink = std::function<bool(v1::ListSysctlTransactionsResponse)>;

// The transaction that waits for its confirmation, and how long it will.
struct ListedUnconfirmed {
  std::string id;
  double reverts_in_seconds = 0;
};

// What the state directory holds, in messages of about 1 MiB: transactions, and of the log the
// newest 8,000 entries or 8 MiB, checked as a whole. Nothing where nothing was ever changed.
// InvalidArgument (a field of the request), ResourceExhausted (the sink takes no more).
absl::Status ListSysctlTransactions(const std::string& state_directory,
                                    const v1::ListSysctlTransactionsRequest& request,
                                    const ListedUnconfirmed& unconfirmed, const ListSink& sink);

}  // namespace tcpfleet::agent
