package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/mail"
	"net/url"
	"regexp"
	"time"
)

// Config is everything that can be set. The zero value is not valid: the defaults are those of the tags.
type Config struct {
	Data    string `help:"Directory for everything that is kept." default:"./tarn-data" env:"TARN_DATA" placeholder:"DIR"`
	Listen  string `help:"Address for the AWS services; port 0 takes any." default:"127.0.0.1:4566" env:"TARN_LISTEN" placeholder:"HOST:PORT"`
	Account string `help:"Account that is made at the first start." default:"000000000000" env:"TARN_ACCOUNT" placeholder:"ID"`
	Region  string `help:"Region of requests that name none, and of tarn env." default:"us-east-1" env:"TARN_REGION" placeholder:"NAME"`

	PublicURL string `help:"Where others reach the server, for the links in notifications; empty: http:// and the address." name:"public-url" env:"TARN_PUBLIC_URL" placeholder:"URL"`
	SMTP      string `help:"Relay for mail to subscribers of topics; empty: mail is left in the folder mail of the data directory." name:"smtp" env:"TARN_SMTP" placeholder:"HOST:PORT"`
	MailFrom  string `help:"Sender of the mail." default:"no-reply@localhost" env:"TARN_MAIL_FROM" placeholder:"ADDRESS"`

	InsecureDev      bool `help:"Accept any access key as the account's root, and let root stand for roles that do not exist. Loopback addresses only." env:"TARN_INSECURE_DEV"`
	RequireIsolation bool `help:"Refuse to start where functions and jobs cannot be isolated from files." env:"TARN_REQUIRE_ISOLATION"`

	MaxInstances  int           `help:"Function processes at a time." default:"32" env:"TARN_MAX_INSTANCES" placeholder:"N"`
	InstanceIdle  time.Duration `help:"How long an unused function process stays warm." default:"10m" env:"TARN_INSTANCE_IDLE" placeholder:"TIME"`
	FunctionSDKs  bool          `help:"Install boto3 and the AWS SDKs for JavaScript for functions at first need." default:"true" name:"function-sdks" negatable:"" env:"TARN_FUNCTION_SDKS"`
	MaxConcurrent int           `help:"Requests served at a time; more are throttled." default:"16384" env:"TARN_MAX_CONCURRENT" placeholder:"N"`

	LogLevel  string `help:"debug, info, warn or error." default:"info" enum:"debug,info,warn,error" env:"TARN_LOG_LEVEL"`
	LogFormat string `help:"text or json." default:"text" enum:"text,json" env:"TARN_LOG_FORMAT"`
	AccessLog bool   `help:"Log every request." env:"TARN_ACCESS_LOG"`
}

var (
	accountForm = regexp.MustCompile(`^[0-9]{12}$`)
	regionForm  = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
)

// Validate reports everything that is wrong with c, by field.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Data == "" {
		bad("data: a directory is required")
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		bad("listen: %q: want HOST:PORT: %w", c.Listen, err)
	}
	if !accountForm.MatchString(c.Account) {
		bad("account: %q: want twelve digits", c.Account)
	}
	if !regionForm.MatchString(c.Region) {
		bad("region: %q: want a name such as us-east-1", c.Region)
	}
	if u, err := url.Parse(c.PublicURL); c.PublicURL != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		bad("public-url: %q: want http://HOST:PORT or https://HOST", c.PublicURL)
	}
	if _, _, err := net.SplitHostPort(c.SMTP); c.SMTP != "" && err != nil {
		bad("smtp: %q: want HOST:PORT: %w", c.SMTP, err)
	}
	if _, err := mail.ParseAddress(c.MailFrom); c.MailFrom != "" && err != nil {
		bad("mail-from: %q: want an address", c.MailFrom)
	}
	if c.MaxInstances < 1 {
		bad("max-instances: %d: want 1 or more", c.MaxInstances)
	}
	if c.InstanceIdle <= 0 {
		bad("instance-idle: %v: want more than 0, such as 10m", c.InstanceIdle)
	}
	if c.MaxConcurrent < 1 {
		bad("max-concurrent: %d: want 1 or more", c.MaxConcurrent)
	}
	return errors.Join(errs...)
}

// level returns the least severe level that is logged.
func (c Config) level() slog.Level {
	var l slog.Level
	if err := l.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return slog.LevelInfo
	}
	return l
}
