#include "agent/sysctl/sysctl_changer.h"

#include <absl/strings/match.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>

#include "tests/support/eventually.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/agent/sysctl/host_tree.h"

namespace tcpfleet::agent {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using tests::EventuallyTrue;
using tests::IsOk;
using tests::StatusIs;
using Response = v1::ApplySysctlsResponse;
using State = v1::SysctlTransaction;

constexpr char kSomaxconn[] = "net/core/somaxconn";
constexpr char kFin[] = "net/ipv4/tcp_fin_timeout";

class SysctlChangerTest : public ::testing::Test {
 protected:
  // Kind and text of the only refusal; the host is as it was.
  std::string RefusalOf(const v1::SysctlChangeSet& set) {
    const Response response = ApplyTo(*changer_, set);
    EXPECT_EQ(response.outcome(), Response::OUTCOME_REFUSED) << response.ShortDebugString();
    EXPECT_THAT(response.refusals(), SizeIs(1)) << response.ShortDebugString();
    EXPECT_EQ(host_.Value(kSomaxconn), "4096");
    EXPECT_EQ(host_.Read(HostTree::kOwnFile), "none");
    if (response.refusals().empty()) return "";
    return absl::StrCat(response.refusals(0).kind(), ": ", response.refusals(0).why());
  }
  std::string RefusalOf(const std::string& key, const std::string& value) {
    return RefusalOf(host_.Set({{key, value}}));
  }
  std::string Applied(const v1::SysctlChangeSet& set) {
    const Response response = ApplyTo(*changer_, set);
    EXPECT_EQ(response.outcome(), Response::OUTCOME_APPLIED) << response.ShortDebugString();
    return response.transaction();
  }
  std::vector<v1::ListSysctlTransactionsResponse> List(bool log) {
    std::vector<v1::ListSysctlTransactionsResponse> parts;
    v1::ListSysctlTransactionsRequest request;
    request.set_log(log);
    EXPECT_THAT(changer_->List(request,
                               [&](v1::ListSysctlTransactionsResponse part) {
                                 parts.push_back(std::move(part));
                                 return true;
                               }),
                IsOk());
    return parts;
  }
  State StateOf(const std::string& id) {
    for (const auto& part : List(false)) {
      for (const v1::SysctlTransaction& transaction : part.transactions()) {
        if (transaction.id() == id) return transaction;
      }
    }
    return {};
  }
  void Restart() {
    changer_.reset();
    changer_ = host_.NewChanger();
  }

  HostTree host_;
  std::unique_ptr<SysctlChanger> changer_ = host_.NewChanger();
};

TEST_F(SysctlChangerTest, AppliesAndKeepsWhatIsConfirmed) {
  const std::string id = Applied(host_.Set({{kSomaxconn, "8192"}, {kFin, "30"}}));
  EXPECT_EQ(host_.Value(kSomaxconn), "8192");
  EXPECT_EQ(host_.Value(kFin), "30");
  EXPECT_THAT(host_.Read(HostTree::kOwnFile),
              HasSubstr("\nnet.core.somaxconn = 8192\nnet.ipv4.tcp_fin_timeout = 30\n"));
  EXPECT_EQ(StateOf(id).state(), State::STATE_UNCONFIRMED);
  ASSERT_THAT(ConfirmTo(*changer_, id), IsOk());
  EXPECT_THAT(ConfirmTo(*changer_, id), IsOk()) << "its answer may have been lost";
  host_.boottime_ns_ += 1'000'000'000'000;
  Restart();
  EXPECT_THAT(changer_->Recover(), IsEmpty());
  EXPECT_EQ(StateOf(id).state(), State::STATE_CONFIRMED);
  EXPECT_EQ(host_.Value(kSomaxconn), "8192");
}

TEST_F(SysctlChangerTest, WritesNothingTheSecondTime) {
  const v1::SysctlChangeSet set = host_.Set({{kSomaxconn, "8192"}});
  ASSERT_THAT(ConfirmTo(*changer_, Applied(set)), IsOk());
  const auto written = fs::last_write_time(host_.path() + HostTree::kOwnFile);
  const auto value_written =
      fs::last_write_time(host_.path() + "/proc/sys/" + std::string(kSomaxconn));
  const Response again = ApplyTo(*changer_, set);
  EXPECT_EQ(again.outcome(), Response::OUTCOME_UNCHANGED);
  EXPECT_EQ(again.transaction(), "");
  EXPECT_EQ(fs::last_write_time(host_.path() + HostTree::kOwnFile), written);
  EXPECT_EQ(fs::last_write_time(host_.path() + "/proc/sys/" + std::string(kSomaxconn)),
            value_written);
}

TEST_F(SysctlChangerTest, AnswersARepeatedRequestWithTheSameTransaction) {
  const v1::SysctlChangeSet set = host_.Set({{kSomaxconn, "8192"}});
  const std::string id = Applied(set);
  EXPECT_EQ(Applied(set), id);
}

TEST_F(SysctlChangerTest, RevertsWhatNobodyConfirmsInTime) {
  const std::string id = Applied(host_.Set({{kSomaxconn, "8192"}}));
  host_.boottime_ns_ += 121'000'000'000;
  EXPECT_TRUE(EventuallyTrue([&] { return host_.Value(kSomaxconn) == "4096"; }));
  EXPECT_TRUE(EventuallyTrue([&] { return StateOf(id).state() == State::STATE_REVERTED; }));
  EXPECT_EQ(host_.Read(HostTree::kOwnFile), "none");
  EXPECT_THAT(ConfirmTo(*changer_, id),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not confirmed in time")));
}

TEST_F(SysctlChangerTest, RefusesALateConfirmationBeforeTheTimerRan) {
  const std::string id = Applied(host_.Set({{kSomaxconn, "8192"}}));
  host_.boottime_ns_ += 120'000'000'000;
  EXPECT_THAT(ConfirmTo(*changer_, id), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(host_.Value(kSomaxconn), "4096");
}

TEST_F(SysctlChangerTest, RevertsWhenItIsStopped) {
  const std::string id = Applied(host_.Set({{kSomaxconn, "8192"}}));
  changer_->Stop();
  changer_->Stop();
  EXPECT_EQ(host_.Value(kSomaxconn), "4096");
  EXPECT_EQ(StateOf(id).state(), State::STATE_REVERTED);
}

TEST_F(SysctlChangerTest, WantsAnotherConnectionForConfirming) {
  const std::string id = Applied(host_.Set({{kSomaxconn, "8192"}}));
  EXPECT_THAT(ConfirmTo(*changer_, id, "ipv4:198.18.0.1:1000"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("another connection")));
  EXPECT_THAT(ConfirmTo(*changer_, id, "ipv4:198.18.0.1:2000", kOtherHolder),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("another holder")));
  EXPECT_THAT(ConfirmTo(*changer_, id, "ipv4:198.18.0.1:2000"), IsOk());
  EXPECT_THAT(ConfirmTo(*changer_, "00000009-00000000"), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(SysctlChangerTest, TakesAConfirmationOverTheSameUnixSocket) {
  const Response response = ApplyTo(*changer_, host_.Set({{kSomaxconn, "8192"}}), "unix:");
  EXPECT_THAT(ConfirmTo(*changer_, response.transaction(), "unix:"), IsOk());
}

TEST_F(SysctlChangerTest, IsOneHoldersAtATime) {
  v1::PrepareSysctlsRequest prepare;
  *prepare.mutable_set() = host_.Set({{kSomaxconn, "8192"}});
  prepare.set_holder(kHolder);
  prepare.set_lease_seconds(60);
  EXPECT_TRUE(changer_->Prepare(prepare, "").value().reserved());
  EXPECT_TRUE(changer_->Prepare(prepare, "").value().reserved()) << "renewed";
  EXPECT_EQ(host_.Value(kSomaxconn), "4096");

  prepare.set_holder(kOtherHolder);
  const auto refused = changer_->Prepare(prepare, "").value();
  EXPECT_FALSE(refused.reserved());
  ASSERT_THAT(refused.refusals(), SizeIs(1));
  EXPECT_EQ(refused.refusals(0).kind(), "held");
  EXPECT_EQ(ApplyTo(*changer_, prepare.set(), "x", kOtherHolder).refusals(0).kind(), "held");

  host_.clock_.Advance(absl::Seconds(61));
  EXPECT_TRUE(changer_->Prepare(prepare, "").value().reserved()) << "the lease has ended";
  prepare.set_release(true);
  EXPECT_FALSE(changer_->Prepare(prepare, "").value().reserved());
  EXPECT_EQ(ApplyTo(*changer_, prepare.set()).outcome(), Response::OUTCOME_APPLIED);
  EXPECT_EQ(ApplyTo(*changer_, prepare.set(), "x", kOtherHolder).refusals(0).kind(), "held");
  EXPECT_EQ(ApplyTo(*changer_, host_.Set({{kFin, "30"}})).refusals(0).kind(), "held")
      << "one transaction at a time, also of the same holder";
}

TEST_F(SysctlChangerTest, KeepsAPlanValidThatReservedTheHostInTime) {
  v1::PrepareSysctlsRequest prepare;
  *prepare.mutable_set() = host_.Set({{kSomaxconn, "8192"}});
  prepare.set_holder(kHolder);
  prepare.set_lease_seconds(3'600);
  host_.clock_.Advance(absl::Minutes(50));
  ASSERT_TRUE(changer_->Prepare(prepare, "").value().reserved());
  host_.clock_.Advance(absl::Minutes(50));
  EXPECT_EQ(ApplyTo(*changer_, prepare.set()).outcome(), Response::OUTCOME_APPLIED);
}

TEST_F(SysctlChangerTest, RefusesAPlanThatIsNotForTheHostAsItIs) {
  v1::SysctlChangeSet set = host_.Set({{kSomaxconn, "8192"}});
  const auto with = [&](const std::function<void(v1::SysctlChangeSet&)>& change) {
    v1::SysctlChangeSet changed = set;
    change(changed);
    changed.set_hash(sysctl::HashOf(changed));
    return RefusalOf(changed);
  };
  EXPECT_THAT(with([](auto& s) { s.set_boot_id("other"); }), HasSubstr("stale: the host has boot"));
  EXPECT_THAT(with([](auto& s) { s.set_network_namespace(1); }), HasSubstr("stale: the plan is f"));
  EXPECT_THAT(with([](auto& s) { s.mutable_changes(0)->set_old_value("128"); }),
              HasSubstr("stale: is \"4096\" now and was \"128\""));
  EXPECT_THAT(
      with([](auto& s) { s.mutable_planned_at()->set_seconds(s.planned_at().seconds() + 400); }),
      HasSubstr("stale: the plan was made in the future"));
  set.mutable_changes(0)->set_new_value("9999");
  EXPECT_THAT(RefusalOf(set), HasSubstr("invalid: the plan has been altered"));
  set = host_.Set({{kSomaxconn, "8192"}});
  host_.clock_.Advance(absl::Minutes(61));
  EXPECT_THAT(RefusalOf(set), HasSubstr("stale: the plan is 1h1m old"));
}

TEST_F(SysctlChangerTest, RefusesWhatItsPolicyDoesNotAllow) {
  EXPECT_THAT(RefusalOf("fs/file-max", "200000"), HasSubstr("policy: this agent changes only"));
  EXPECT_THAT(RefusalOf("net/ipv4/conf/all/accept_redirects", "1"), HasSubstr("--allow-sysctl"));
  EXPECT_THAT(RefusalOf("net/ipv4/tcp_fastopen_key", "0"), HasSubstr("policy: is a secret"));
  SysctlChanger::Options options = host_.Options();
  options.planner.allowed = {};
  options.state_directory += "-of-another";
  SysctlChanger closed(options, &host_.clock_);
  EXPECT_THAT(ApplyTo(closed, host_.Set({{kSomaxconn, "8192"}})).refusals(0).why(),
              HasSubstr("this agent changes no parameters; allow it with --allow-sysctl"));
  EXPECT_FALSE(fs::exists(options.state_directory));
}

TEST_F(SysctlChangerTest, AllowsKeysBeyondNetOnlyByName) {
  SysctlChanger::Options options = host_.Options();
  options.planner.allowed = {"fs/*"};
  options.state_directory += "-of-another";
  EXPECT_EQ(ApplyTo(*std::make_unique<SysctlChanger>(options, &host_.clock_),
                    host_.Set({{"fs/file-max", "200000"}}))
                .refusals(0)
                .kind(),
            "policy");
  options.planner.allowed = {"fs/file-max"};
  SysctlChanger changer(options, &host_.clock_);
  EXPECT_EQ(ApplyTo(changer, host_.Set({{"fs/file-max", "200000"}})).outcome(),
            Response::OUTCOME_APPLIED);
  EXPECT_EQ(host_.Value("fs/file-max"), "200000");
  changer.Stop();
  EXPECT_EQ(host_.Value("fs/file-max"), "100000");
}

TEST_F(SysctlChangerTest, RefusesWhatTheHostCannot) {
  EXPECT_THAT(RefusalOf("net/ipv4/tcp_tw_recycle", "1"), HasSubstr("impossible: this kernel has"));
  EXPECT_THAT(RefusalOf("net/ipv4/tcp_congestion_control", "bbr"),
              HasSubstr("impossible: \"bbr\" is not available here; these are: reno cubic"));
  fs::permissions(host_.path() + "/proc/sys/" + kSomaxconn, fs::perms::owner_read);
  EXPECT_THAT(RefusalOf(kSomaxconn, "8192"), HasSubstr("impossible: is read-only"));
}

TEST_F(SysctlChangerTest, RefusesHostileSetsWithoutWritingAnything) {
  for (const auto& [key, value] : std::vector<NewValue>{
           {"../../etc/passwd", "1"},
           {"net/core/../core/somaxconn", "1000"},
           {"/etc/passwd", "1"},
           {"net/core/*", "1"},
           {kSomaxconn, std::string("10\0", 3)},
           {kSomaxconn, "1000\r"},
           {kSomaxconn, "1000\n2000"},
           {kSomaxconn, "01750"},
           {kSomaxconn, "0x3e8"},
           {kSomaxconn, "18446744073709551616"},
           {kSomaxconn, "-1"},
           {kSomaxconn, ""},
           {kSomaxconn, "1000 1"},
           {kSomaxconn, "1000 # more"},
           {kSomaxconn, std::string(5'000, '1')},
           {"net/ipv4/tcp_rmem", "8192 abc 1"},
           {"net/ipv4/tcp_rmem", "8192 87380"},
           {"net/ipv4/tcp_rmem", "9000 5000 4000"},
           {"net/ipv4/ip_local_port_range", "60000 1025"},
       }) {
    EXPECT_THAT(RefusalOf(key, value), testing::StartsWith("invalid: ")) << key << "=" << value;
  }
  v1::SysctlChangeSet twice = host_.Set({{kSomaxconn, "1000"}, {kSomaxconn, "2000"}});
  EXPECT_THAT(RefusalOf(twice), HasSubstr("stands there twice"));
  EXPECT_EQ(host_.Value("net/ipv4/tcp_rmem"), "4096 131072 33554432");
}

TEST_F(SysctlChangerTest, RefusesRequestsWithFieldsThatAreNone) {
  v1::ApplySysctlsRequest request;
  *request.mutable_set() = host_.Set({{kSomaxconn, "8192"}});
  request.set_holder("short");
  EXPECT_THAT(changer_->Apply(request, ""), StatusIs(absl::StatusCode::kInvalidArgument));
  request.set_holder(kHolder);
  for (const double seconds : {-1.0, 0.5, 3'601.0, std::nan("")}) {
    request.set_confirm_within_seconds(seconds);
    EXPECT_THAT(changer_->Apply(request, ""), StatusIs(absl::StatusCode::kInvalidArgument));
  }
  v1::RollbackSysctlsRequest rollback;
  ApplyTo(*changer_, request.set());
  EXPECT_THAT(changer_->Rollback(rollback, ""), StatusIs(absl::StatusCode::kInvalidArgument));
  rollback.set_transaction("../../../etc");
  EXPECT_THAT(changer_->Rollback(rollback, ""), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(SysctlChangerTest, RefusesToPersistWhatAnotherFileOverrules) {
  host_.Write("/etc/sysctl.conf", "# one\nnet.core.somaxconn = 128\n");
  EXPECT_THAT(RefusalOf(kSomaxconn, "8192"),
              HasSubstr("overruled: /etc/sysctl.conf:2 sets it to \"128\""));
  EXPECT_EQ(ApplyTo(*changer_, host_.Set({{kSomaxconn, "8192"}}, false)).outcome(),
            Response::OUTCOME_APPLIED);
  EXPECT_EQ(host_.Read(HostTree::kOwnFile), "none");
}

TEST_F(SysctlChangerTest, LeavesLinesOfOthersInItsFileAlone) {
  const std::string foreign = "net.core.somaxconn = 4096\n# mine\n";
  host_.Write(HostTree::kOwnFile, foreign);
  const Response response = ApplyTo(*changer_, host_.Set({{kSomaxconn, "8192"}}));
  EXPECT_EQ(response.refusals(0).kind(), "impossible");
  EXPECT_THAT(response.refusals(0).why(), HasSubstr("95-tcpfleet.conf:2: is not a line tcpfleet"));
  EXPECT_EQ(host_.Read(HostTree::kOwnFile), foreign);
}

TEST_F(SysctlChangerTest, RollsBackToTheSameBytes) {
  ASSERT_THAT(ConfirmTo(*changer_, Applied(host_.Set({{kFin, "30"}}))), IsOk());
  const std::string before = host_.Read(HostTree::kOwnFile);
  const std::string id = Applied(host_.Set({{kSomaxconn, "8192"}, {kFin, "20"}}));
  ASSERT_THAT(ConfirmTo(*changer_, id), IsOk());
  const auto rolled_back = RollbackTo(*changer_, id);
  ASSERT_THAT(rolled_back, IsOk());
  EXPECT_THAT(rolled_back->restored(), SizeIs(2));
  EXPECT_EQ(rolled_back->transaction().state(), State::STATE_ROLLED_BACK);
  EXPECT_EQ(host_.Value(kSomaxconn), "4096");
  EXPECT_EQ(host_.Value(kFin), "30");
  EXPECT_EQ(host_.Read(HostTree::kOwnFile), before);
  EXPECT_THAT(RollbackTo(*changer_, id)->restored(), IsEmpty()) << "once is enough";
}

TEST_F(SysctlChangerTest, RollsBackWhatAPlanDid) {
  ASSERT_THAT(ConfirmTo(*changer_, Applied(host_.Set({{kSomaxconn, "8192"}}))), IsOk());
  v1::RollbackSysctlsRequest request;
  request.set_plan_id(std::string(64, 'a'));
  EXPECT_THAT(changer_->Rollback(request, ""), IsOk());
  EXPECT_EQ(host_.Value(kSomaxconn), "4096");
  request.set_plan_id(std::string(64, 'b'));
  EXPECT_THAT(changer_->Rollback(request, ""), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(SysctlChangerTest, ShowsWhatChangedSinceBeforeItRollsBack) {
  const std::string id = Applied(host_.Set({{kSomaxconn, "8192"}}));
  ASSERT_THAT(ConfirmTo(*changer_, id), IsOk());
  host_.Write("/proc/sys/" + std::string(kSomaxconn), "1000\n");
  host_.Write(HostTree::kOwnFile, "");
  const auto refused = RollbackTo(*changer_, id);
  ASSERT_THAT(refused, IsOk());
  ASSERT_THAT(refused->changed_since(), SizeIs(1));
  EXPECT_EQ(refused->changed_since(0).old_value(), "8192");
  EXPECT_EQ(refused->changed_since(0).new_value(), "1000");
  EXPECT_THAT(refused->file_changed_since(), HasSubstr("has been changed since"));
  EXPECT_EQ(host_.Value(kSomaxconn), "1000");
  ASSERT_THAT(RollbackTo(*changer_, id, true), IsOk());
  EXPECT_EQ(host_.Value(kSomaxconn), "4096");
  EXPECT_EQ(host_.Read(HostTree::kOwnFile), "none");
}

TEST_F(SysctlChangerTest, RestoresWhatAHalfFailedWriteChanged) {
  changer_ = host_.NewChanger([&](absl::string_view step) -> absl::Status {
    if (step != "write net/ipv4/tcp_rmem" || host_.Value("net/ipv4/tcp_rmem")[0] == '9') {
      return absl::OkStatus();
    }
    // As the kernel does it: the first number is taken, the second refused.
    host_.Write("/proc/sys/net/ipv4/tcp_rmem", "9000\t131072\t33554432\n");
    return absl::InvalidArgumentError("Invalid argument");
  });
  const Response response = ApplyTo(
      *changer_, host_.Set({{kSomaxconn, "8192"}, {"net/ipv4/tcp_rmem", "9000 200000 300000"}}));
  EXPECT_EQ(response.outcome(), Response::OUTCOME_RESTORED) << response.ShortDebugString();
  EXPECT_THAT(response.why(), HasSubstr("net.ipv4.tcp_rmem: Invalid argument"));
  EXPECT_EQ(host_.Value("net/ipv4/tcp_rmem"), "4096 131072 33554432");
  EXPECT_EQ(host_.Value(kSomaxconn), "4096");
  EXPECT_EQ(host_.Read(HostTree::kOwnFile), "none");
}

TEST_F(SysctlChangerTest, ReportsAndRestoresWhatMovedAlong) {
  changer_ = host_.NewChanger([&](absl::string_view step) {
    if (step == "write net/ipv4/ip_forward") {
      host_.Write("/proc/sys/net/ipv4/conf/all/accept_redirects", "1\n");
    }
    return absl::OkStatus();
  });
  const Response response = ApplyTo(*changer_, host_.Set({{"net/ipv4/ip_forward", "1"}}));
  ASSERT_THAT(response.side_effects(), SizeIs(1)) << response.ShortDebugString();
  EXPECT_EQ(response.side_effects(0).key(), "net/ipv4/conf/all/accept_redirects");
  EXPECT_EQ(response.side_effects(0).old_value(), "0");
  ASSERT_THAT(ConfirmTo(*changer_, response.transaction()), IsOk());
  ASSERT_THAT(RollbackTo(*changer_, response.transaction()), IsOk());
  EXPECT_EQ(host_.Value("net/ipv4/ip_forward"), "0");
  EXPECT_EQ(host_.Value("net/ipv4/conf/all/accept_redirects"), "0");
}

TEST_F(SysctlChangerTest, RevertsAfterABootOnlyWhatTheBootTookFromTheFile) {
  Applied(host_.Set({{kSomaxconn, "8192"}, {kFin, "30"}}));
  changer_.reset();
  // The boot: one value comes from the file, the other is overruled by whatever ran later.
  host_.Write("/proc/sys/" + std::string(kFin), "45\n");
  SysctlChanger::Options options = host_.Options();
  options.planner.boot_id = "another boot";
  SysctlChanger changer(options, &host_.clock_);
  ASSERT_THAT(changer.Recover(), SizeIs(1));
  EXPECT_EQ(host_.Value(kSomaxconn), "4096");
  EXPECT_EQ(host_.Value(kFin), "45");
  EXPECT_EQ(host_.Read(HostTree::kOwnFile), "none");
}

TEST_F(SysctlChangerTest, RevertsNoValuesOfAnotherNamespace) {
  const std::string id = Applied(host_.Set({{kSomaxconn, "8192"}}));
  changer_.reset();
  SysctlChanger::Options options = host_.Options();
  options.planner.network_namespace = 7;
  SysctlChanger changer(options, &host_.clock_);
  const auto recovered = changer.Recover();
  ASSERT_THAT(recovered, SizeIs(1));
  EXPECT_THAT(recovered[0].why(), HasSubstr("cannot be reached from 7"));
  EXPECT_EQ(host_.Value(kSomaxconn), "8192");
  EXPECT_EQ(host_.Read(HostTree::kOwnFile), "none");
}

TEST_F(SysctlChangerTest, LogsWhoChangedWhat) {
  const std::string id = Applied(host_.Set({{kSomaxconn, "8192"}}));
  ASSERT_THAT(ConfirmTo(*changer_, id), IsOk());
  ASSERT_THAT(RollbackTo(*changer_, id), IsOk());
  const auto parts = List(true);
  std::vector<std::string> actions;
  for (const v1::SysctlLogEntry& entry : parts.back().log()) actions.push_back(entry.action());
  EXPECT_THAT(actions, ElementsAre("apply", "write", "file", "confirm", "rollback", "rollback"));
  EXPECT_EQ(parts.back().log(0).author(), "root@console");
  EXPECT_EQ(parts.back().log(0).peer(), "ipv4:198.18.0.1:1000");
  EXPECT_EQ(parts.back().log(1).key(), kSomaxconn);
  EXPECT_EQ(parts.back().log_damage(), "");
  EXPECT_EQ(fs::status(host_.state() + "/sysctl.log").permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(SysctlChangerTest, SaysWhenItCannotKeepTransactions) {
  host_.Write("/state", "a file");
  const Response response = ApplyTo(*changer_, host_.Set({{kSomaxconn, "8192"}}));
  EXPECT_EQ(response.refusals(0).kind(), "impossible");
  EXPECT_THAT(response.refusals(0).why(), HasSubstr("--state-directory"));
  EXPECT_EQ(changer_->Describe().level(), v1::Collector::LEVEL_DEGRADED);
  EXPECT_THAT(changer_->Describe().detail(), HasSubstr("/state"));
  fs::remove(host_.state());
  Applied(host_.Set({{kSomaxconn, "8192"}}));
  EXPECT_EQ(changer_->Describe().level(), v1::Collector::LEVEL_FULL);
}

TEST_F(SysctlChangerTest, SharesItsStateWithNoOtherAgent) {
  Applied(host_.Set({{kSomaxconn, "8192"}}));
  const auto other = host_.NewChanger();
  EXPECT_THAT(other->Recover(), IsEmpty()) << "the other one watches over it";
  EXPECT_EQ(host_.Value(kSomaxconn), "8192");
  EXPECT_THAT(ApplyTo(*other, host_.Set({{kFin, "30"}})).refusals(0).why(),
              HasSubstr("somebody else is writing it"));
}

}  // namespace
}  // namespace tcpfleet::agent
