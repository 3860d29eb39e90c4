#include "controller/audit/sysctl_cache.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "common/sys/file.h"
#include "controller/audit/hosts.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/controller/audit/answers.h"
#include "tests/unit/controller/fleet/fakes.h"

namespace tcpfleet::controller {
namespace {

namespace fs = std::filesystem;

std::string HashOf(char letter) { return std::string(32, letter); }

class SysctlCacheTest : public ::testing::Test {
 protected:
  static v1::ReadSysctlsRequest Request(const std::string& pattern) {
    v1::ReadSysctlsRequest request;
    request.add_patterns(pattern);
    return request;
  }

  SysctlReading Answer(char hash) const {
    SysctlReading reading = Reading({Sysctl("net/a", "1"), Sysctl("net/b", "2")});
    reading.content_hash = HashOf(hash);
    return reading;
  }

  std::vector<fs::path> Files() const {
    std::vector<fs::path> files;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(Directory(), error)) {
      files.push_back(entry.path());
    }
    return files;
  }

  std::string Directory() const { return temporary_->path() + "/cache/tcpfleet"; }

  void KeepOne() {
    SysctlCache cache(Directory(), Request("net"));
    cache.Put("web1:7117", Answer('h'));
  }
  bool Knows(const std::string& address, const std::string& pattern = "net") const {
    return SysctlCache(Directory(), Request(pattern)).Find(address) != nullptr;
  }

  absl::StatusOr<sys::TemporaryDirectory> temporary_ = sys::TemporaryDirectory::Create("cache");
};

TEST_F(SysctlCacheTest, KeepsAnswersByAgentAndRequest) {
  KeepOne();
  SysctlCache cache(Directory(), Request("net"));
  ASSERT_NE(cache.Find("web1:7117"), nullptr);
  EXPECT_EQ(cache.Find("web1:7117")->content_hash, HashOf('h'));
  EXPECT_EQ(cache.Find("web1:7117")->sysctls.size(), 2u);
  EXPECT_FALSE(Knows("web2:7117"));
  EXPECT_FALSE(Knows("web1:7117", "net/core"));
}

TEST_F(SysctlCacheTest, IsForItsUserAlone) {
  KeepOne();
  ASSERT_EQ(Files().size(), 1u);
  EXPECT_EQ(fs::status(Files().front()).permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(fs::status(Directory()).permissions(), fs::perms::owner_all);
}

TEST_F(SysctlCacheTest, KeepsNothingThatIsNotWhole) {
  {
    SysctlCache cache(Directory(), Request("net"));
    SysctlReading failed = Answer('h');
    failed.status = absl::UnavailableError("gone");
    cache.Put("web1:7117", failed);
    SysctlReading without_hash = Answer('h');
    without_hash.content_hash.clear();
    cache.Put("web2:7117", without_hash);
  }
  EXPECT_TRUE(Files().empty());
}

TEST_F(SysctlCacheTest, IgnoresDamagedAndForeignFiles) {
  KeepOne();
  const std::string path = Files().front().string();
  const std::string whole = *sys::ReadFile(path);
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    ASSERT_TRUE(sys::WriteFile(path, damaged).ok());
    EXPECT_FALSE(Knows("web1:7117")) << "byte " << i;
  }
  for (const std::string& text : {std::string(), whole.substr(0, 40), whole.substr(0, 100),
                                  whole + "x", std::string("tcpfleet-sysctls 1 \n")}) {
    ASSERT_TRUE(sys::WriteFile(path, text).ok());
    EXPECT_FALSE(Knows("web1:7117")) << text.size();
  }
  ASSERT_TRUE(sys::WriteFile(path, whole).ok());
  EXPECT_TRUE(Knows("web1:7117"));
  fs::permissions(path, fs::perms::others_write, fs::perm_options::add);
  EXPECT_FALSE(Knows("web1:7117"));
}

TEST_F(SysctlCacheTest, FollowsNoLinkAndUsesNoDirectoryThatOthersWriteTo) {
  KeepOne();
  const fs::path path = Files().front();
  fs::rename(path, temporary_->path() + "/elsewhere");
  fs::create_symlink(temporary_->path() + "/elsewhere", path);
  EXPECT_FALSE(Knows("web1:7117"));
  fs::remove(path);
  fs::permissions(Directory(), fs::perms::all);
  KeepOne();
  EXPECT_TRUE(Files().empty());
}

TEST_F(SysctlCacheTest, KeepsABoundedNumberOfFiles) {
  for (size_t i = 0; i < kMostCacheFiles + 3; ++i) {
    SysctlCache cache(Directory(), Request(absl::StrCat("net/", i)));
    cache.Put("web1:7117", Answer('h'));
  }
  EXPECT_EQ(Files().size(), kMostCacheFiles);
}

TEST_F(SysctlCacheTest, WithoutADirectoryKeepsNothing) {
  SysctlCache cache("", Request("net"));
  cache.Put("web1:7117", Answer('h'));
  EXPECT_NE(cache.Find("web1:7117"), nullptr);
}

// An agent with a content hash that counts what it is asked.
struct Agent {
  int describes = 0;
  int whole_answers = 0;
  std::string value = "1";
  char hash = 'h';

  void Serve(FakeAgentClient& client) {
    client.describe = [this] {
      ++describes;
      v1::DescribeResponse host;
      host.set_kernel("6.1.0");
      host.set_memory_bytes(8);
      host.set_boot_id("b1");
      return host;
    };
    client.read_sysctls = [this](const v1::ReadSysctlsRequest& request,
                                 const OnMessage<v1::ReadSysctlsResponse>& on_message) {
      v1::ReadSysctlsResponse response;
      response.set_content_hash(HashOf(hash));
      response.set_unchanged(request.known_hash() == response.content_hash());
      if (!response.unchanged()) {
        ++whole_answers;
        *response.add_sysctls() = Sysctl("kernel/random/boot_id", "b1");
        *response.add_sysctls() = Sysctl("net/core/somaxconn", value);
      }
      on_message(response);
      return absl::OkStatus();
    };
  }
};

TEST_F(SysctlCacheTest, SavesAskingHostsThatHaveNotChanged) {
  Agent agent;
  const auto read = [&](const std::string& directory) {
    FakeFleet fake(1);
    agent.Serve(*fake.clients[0]);
    HostReadings result = ReadHosts(*fake.fleet, {"net"}, directory, {});
    EXPECT_EQ(result.hosts.size(), 1u);
    return result;
  };
  read(Directory());
  EXPECT_EQ(agent.whole_answers, 1);
  EXPECT_EQ(agent.describes, 1);

  const HostReadings again = read(Directory());
  EXPECT_EQ(agent.whole_answers, 1);
  EXPECT_EQ(agent.describes, 1);
  EXPECT_EQ(again.hosts[0].facts.kernel, "6.1.0");
  EXPECT_EQ(again.hosts[0].facts.memory_bytes, 8u);
  ASSERT_EQ(again.hosts[0].reading->sysctls.size(), 1u);  // it asked for the boot id by itself
  EXPECT_EQ(again.hosts[0].reading->sysctls[0].value(), "1");

  agent.value = "2";
  agent.hash = 'i';
  EXPECT_EQ(read(Directory()).hosts[0].reading->sysctls[0].value(), "2");
  EXPECT_EQ(agent.whole_answers, 2);
  EXPECT_EQ(agent.describes, 2);

  read("");
  EXPECT_EQ(agent.whole_answers, 3);
}

TEST_F(SysctlCacheTest, TakesNoAgentsWordThatNothingHasChanged) {
  FakeFleet fake(1);
  fake.clients[0]->read_sysctls = [](const auto&, const auto& on_message) {
    v1::ReadSysctlsResponse response;
    response.set_content_hash(HashOf('x'));
    response.set_unchanged(true);
    on_message(response);
    return absl::OkStatus();
  };
  SysctlCache cache(Directory(), Request("net"));
  cache.Put("a1:7117", Answer('h'));
  EXPECT_THAT(ReadSysctls(*fake.fleet, Request("net"), {}, &cache).front().status,
              tests::StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(ReadSysctls(*fake.fleet, Request("net"), {}).front().status,
              tests::StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(SysctlCacheTest, AHostThatDoesNotSayWhoItIsHasFailed) {
  FakeFleet fake(2);
  Agent agent;
  for (FakeAgentClient* client : fake.clients) agent.Serve(*client);
  fake.clients[1]->describe = [] { return absl::UnavailableError("gone"); };
  const HostReadings result = ReadHosts(*fake.fleet, {"net"}, Directory(), {});
  EXPECT_EQ(result.hosts.size(), 1u);
  ASSERT_EQ(result.failures.size(), 1);
  EXPECT_EQ(result.failures.Get(0).name(), "a2");
}

}  // namespace
}  // namespace tcpfleet::controller
