#include "controller/rollout/transactions.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "controller/rollout/transactions_text.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/controller/rollout/sample_plan.h"
#include "tests/unit/controller/rollout/simulated_agent.h"

namespace tcpfleet::controller {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using tests::IsOk;
using tests::StatusIs;

constexpr char kPlan[] = "aaaaaaaabbbbbbbbccccccccddddddddaaaaaaaabbbbbbbbccccccccdddddddd";

class TransactionsTest : public testing::Test {
 protected:
  TransactionsTest() {
    for (FakeAgentClient* client : fakes_.clients) {
      agents_.push_back(std::make_unique<SimulatedAgent>(*client, clock_));
    }
  }
  void Give(size_t agent, const std::string& id, const std::string& plan = kPlan) {
    v1::SysctlTransaction& transaction = agents_[agent]->transactions.emplace_front();
    transaction.set_id(id);
    transaction.set_state(v1::SysctlTransaction::STATE_UNCONFIRMED);
    transaction.mutable_set()->set_plan_id(plan);
  }
  absl::StatusOr<v1::TransactionsReport> Find(const std::string& name) {
    return FindTransactions(*fakes_.fleet, TransactionName::Parse(name).value(), {});
  }

  FakeClock clock_;
  FakeFleet fakes_{3};
  std::vector<std::unique_ptr<SimulatedAgent>> agents_;
};

TEST_F(TransactionsTest, FindsThePlanOnTheHostsThatHaveIt) {
  Give(0, "transaction-0001");
  Give(2, "transaction-0002");
  Give(2, "transaction-0003");
  const auto report = Find("aaaaaaaabb");
  ASSERT_THAT(report, IsOk());
  ASSERT_THAT(report->hosts(), SizeIs(2));
  EXPECT_EQ(report->hosts(0).name(), "a1");
  EXPECT_EQ(report->hosts(1).transactions(0).id(), "transaction-0003");
  EXPECT_THAT(Find("transaction-0002")->hosts(), SizeIs(1));
}

TEST_F(TransactionsTest, NobodyKnowsItIsAMistakeUnlessSomebodyWasSilent) {
  EXPECT_THAT(Find("aaaaaaaabb"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no host knows")));
  agents_[1]->list_error = absl::UnavailableError("cut off");
  EXPECT_THAT(Find("aaaaaaaabb")->failures(), SizeIs(1));
}

TEST_F(TransactionsTest, BeginningOfSeveralPlansIsRefused) {
  Give(0, "transaction-0001", "aaaaaaaabb" + std::string(54, '0'));
  Give(1, "transaction-0002", "aaaaaaaabb" + std::string(54, '1'));
  EXPECT_THAT(Find("aaaaaaaabb"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("several plans")));
}

TEST_F(TransactionsTest, NamesThatAreNone) {
  for (const char* name : {"", "abc", "../../../etc", "aaaaaaaa/b", "aaaaaaaa\n"}) {
    EXPECT_THAT(TransactionName::Parse(name).status(), StatusIs(absl::StatusCode::kInvalidArgument))
        << name;
  }
}

TEST_F(TransactionsTest, ConfirmsAndRollsBackWhatWasFound) {
  Give(0, "transaction-0001");
  Give(1, "transaction-0002");
  agents_[1]->confirm_error = absl::FailedPreconditionError("over another connection");
  v1::TransactionsReport report = Find(kPlan).value();
  ConfirmTransactions(*fakes_.fleet, report);
  EXPECT_EQ(report.hosts(0).transactions(0).state(), v1::SysctlTransaction::STATE_CONFIRMED);
  EXPECT_EQ(report.hosts(1).transactions(0).state(), v1::SysctlTransaction::STATE_UNCONFIRMED);
  EXPECT_THAT(report.failures(), SizeIs(1));

  report = Find(kPlan).value();
  RollBackTransactions(*fakes_.fleet, {}, report);
  EXPECT_THAT(report.failures(), IsEmpty());
  for (const auto& host : report.hosts()) {
    EXPECT_EQ(host.transactions(0).state(), v1::SysctlTransaction::STATE_ROLLED_BACK);
  }
}

TEST_F(TransactionsTest, ShowsWhatHasChangedSince) {
  Give(0, "transaction-0001");
  fakes_.clients[0]->rollback_sysctls = [](const auto& request) {
    EXPECT_FALSE(request.force());
    v1::RollbackSysctlsResponse response;
    v1::SysctlChange& change = *response.add_changed_since();
    change.set_key("net/core/somaxconn");
    change.set_old_value("4096");
    change.set_new_value("9");
    return response;
  };
  v1::TransactionsReport report = Find(kPlan).value();
  RollBackTransactions(*fakes_.fleet, {}, report);
  std::ostringstream out;
  PrintTransactions(out, report);
  EXPECT_EQ(out.str(), "a1: changed since: net.core.somaxconn: 4096 -> 9\n");
}

TEST_F(TransactionsTest, HostileNamesOfTransactionsAreRefused) {
  Give(0, "../../etc/passwd");
  const v1::TransactionsReport report = ReadLogs(*fakes_.fleet, {});
  EXPECT_THAT(report.hosts(), SizeIs(2));
  ASSERT_THAT(report.failures(), SizeIs(1));
  EXPECT_THAT(report.failures(0).cause(), HasSubstr("without a proper name"));
}

class LogTest : public TransactionsTest {
 protected:
  // Entries of one plan, a second apart.
  static v1::SysctlLogEntry Entry(uint64_t sequence, const std::string& action) {
    v1::SysctlLogEntry entry;
    entry.set_sequence(sequence);
    entry.mutable_time()->set_seconds(1'700'000'000 + static_cast<int64_t>(sequence));
    entry.set_action(action);
    entry.set_plan_id(kPlan);
    entry.set_author("ann@console");
    entry.set_result("ok");
    entry.set_previous_hash(absl::StrCat("hash", sequence - 1));
    entry.set_hash(absl::StrCat("hash", sequence));
    return entry;
  }
  void Logs(size_t agent, std::vector<v1::SysctlLogEntry> entries) {
    fakes_.clients[agent]->list_sysctl_transactions = [entries](const auto& request,
                                                                const auto& on_message) {
      EXPECT_TRUE(request.log());
      for (const v1::SysctlLogEntry& entry : entries) {
        v1::ListSysctlTransactionsResponse response;
        *response.add_log() = entry;
        on_message(std::move(response));
      }
      return absl::OkStatus();
    };
  }
};

TEST_F(LogTest, FoldsWhatHostsDidAlike) {
  Logs(0, {Entry(1, "apply"), Entry(2, "confirm")});
  Logs(1, {Entry(1, "apply"), Entry(2, "rollback")});
  Logs(2, {Entry(1, "apply"), Entry(2, "confirm")});
  const v1::TransactionsReport report = ReadLogs(*fakes_.fleet, {});
  EXPECT_FALSE(IsDamaged(report));
  std::ostringstream out;
  PrintLogs(out, report, 10, 0, false);
  EXPECT_THAT(out.str(), AllOf(HasSubstr("a[1-3] (3)  apply"), HasSubstr("a[1,3] (2)  confirm"),
                               HasSubstr("rollback")));
  std::ostringstream last;
  PrintLogs(last, report, 1, 0, false);
  EXPECT_THAT(last.str(), Not(HasSubstr("apply")));
}

TEST_F(LogTest, BrokenChainsAreDamaged) {
  Logs(0, {Entry(1, "apply"), Entry(3, "confirm")});
  v1::SysctlLogEntry forged = Entry(2, "confirm");
  forged.set_previous_hash("another");
  Logs(1, {Entry(1, "apply"), forged});
  const v1::TransactionsReport report = ReadLogs(*fakes_.fleet, {});
  EXPECT_TRUE(IsDamaged(report));
  std::ostringstream out;
  PrintVerification(out, report, false);
  EXPECT_THAT(out.str(), AllOf(HasSubstr("a1: damaged: entry 3 does not follow entry 1"),
                               HasSubstr("a2: damaged"), HasSubstr("a3: whole")));
}

}  // namespace
}  // namespace tcpfleet::controller
