"""Stripe's test numbers of bank accounts: what each stands for, and the names (`pm_usBankAccount_success`) of each.

Source: docs.stripe.com/testing#non-card-payments and the pages of the debits it leads to, docs.stripe.com/connect/testing
for payouts. `scenario` is the part of the name that says what happens; what it means is in `SCENARIOS`.
"""

from dataclasses import dataclass
from functools import cache

ROUTING = "110000000"

# How a payout to a bank account of that number fails
PAYOUT_FAILURES: dict[str, str] = {
    "000111111113": "account_closed",
    "000111111116": "no_account",
    "000222222227": "insufficient_funds",
    "000333333335": "debit_not_authorized",
    "000444444440": "invalid_currency",
}


@dataclass(frozen=True, slots=True)
class Debit:
    """What becomes of a debit: a failure's code, `late` for minutes instead of moments, `disputed` once it has succeeded.

    `stuck` stays in processing; `unsupported` is refused before there is a payment method; `untestable` accounts get no
    small deposits that could verify them.
    """

    failure: str | None = None
    late: bool = False
    disputed: bool = False
    stuck: bool = False
    unsupported: str | None = None
    untestable: bool = False


SCENARIOS: dict[str, Debit] = {
    "success": Debit(),
    "successDelayed": Debit(late=True),
    "failed": Debit("debit_not_authorized"),
    "failedDelayed": Debit("debit_not_authorized", late=True),
    "disputed": Debit(disputed=True),
    "dispute": Debit(disputed=True),
    "accountClosed": Debit("account_closed"),
    "noAccount": Debit("no_account"),
    "insufficientFunds": Debit("insufficient_funds"),
    "debitNotAuthorized": Debit("debit_not_authorized"),
    "invalidCurrency": Debit("invalid_currency"),
    "riskLevelHighest": Debit("fraudulent"),
    "weeklyLimitExceeded": Debit("charge_exceeds_source_limit"),
    "exceedsWeeklyVolumeLimit": Debit("charge_exceeds_source_limit"),
    "exceedsWeeklyTransactionLimit": Debit("charge_exceeds_weekly_limit"),
    "processing": Debit(stuck=True),
    "failMicrodeposits": Debit(untestable=True),
    "bankNotSupported": Debit(unsupported="sepa_debit_bank_not_supported"),
    "debitsNotSupported": Debit(unsupported="sepa_debit_debits_not_supported"),
    "deactivated": Debit("tokenized_account_number_deactivated"),
    "invalidMandate": Debit("mandate_invalid"),
    "restricted": Debit("bank_account_restricted"),
    "invalidAccount": Debit("invalid_bank_account"),
}

_NUMBERS: dict[str, dict[str, str]] = {
    "us_bank_account": {
        "000123456789": "success",
        "000111111113": "accountClosed",
        "000000004954": "riskLevelHighest",
        "000111111116": "noAccount",
        "000222222227": "insufficientFunds",
        "000333333335": "debitNotAuthorized",
        "000444444440": "invalidCurrency",
        "000555555559": "dispute",
        "000666666661": "failMicrodeposits",
        "000000000009": "processing",
        "000777777771": "weeklyLimitExceeded",
        "000888888885": "deactivated",
    },
    "bacs_debit": {
        "00012345": "success",
        "90012345": "successDelayed",
        "33333335": "debitNotAuthorized",
        "93333335": "failedDelayed",
        "22222227": "insufficientFunds",
        "55555559": "disputed",
        "00033333": "restricted",
        "00044444": "invalidAccount",
        "00055555": "invalidMandate",
    },
    "au_becs_debit": {
        "000123456": "success",
        "900123456": "successDelayed",
        "111111113": "accountClosed",
        "111111116": "noAccount",
        "222222227": "insufficientFunds",
        "333333335": "debitNotAuthorized",
        "666666660": "failed",
        "343434343": "exceedsWeeklyVolumeLimit",
        "121212121": "exceedsWeeklyTransactionLimit",
        "555555559": "disputed",
    },
    "acss_debit": {
        "000123456789": "success",
        "900123456789": "successDelayed",
        "000222222227": "insufficientFunds",
        "900222222227": "failedDelayed",
        "000777777771": "weeklyLimitExceeded",
        "000666666661": "failMicrodeposits",
        "000888888881": "failMicrodeposits",
        "000555555559": "disputed",
    },
    "nz_bank_account": {
        "000001005": "success",
        "000002005": "successDelayed",
        "000003005": "failed",
        "000004005": "disputed",
    },
}
_NAMED = {"us_bank_account": "usBankAccount", "bacs_debit": "bacsDebit", "au_becs_debit": "auBecsDebit",
          "acss_debit": "acssDebit", "nz_bank_account": "nzBankAccount", "sepa_debit": "sepaDebit"}  # fmt: skip

# A country's IBANs in the order of _ORDER.
_ORDER = ("success", "successDelayed", "failed", "failedDelayed", "disputed")
_IBANS = (
    "AT611904300234573201 AT321904300235473204 AT861904300235473202 AT051904300235473205 AT591904300235473203",
    "BE62510007547061 BE78510007547064 BE68539007547034 BE51510007547065 BE08510007547063",
    "CH9300762011623852957 CH8656663438253651553 CH5362200119938136497 CH1843597160341964438 CH1260378413965193069",
    "DE89370400440532013000 DE08370400440532013003 DE62370400440532013001 DE78370400440532013004 DE35370400440532013002",
    "EE382200221020145685 EE222200221020145682 EE762200221020145680 EE922200221020145683 EE492200221020145681",
    "ES0700120345030000067890 ES2300120345030000067893 ES9121000418450200051332 ES9300120345030000067894 ES7700120345030000067891",
    "FI2112345600000785 FI3712345600000788 FI9112345600000786 FI1012345600000789 FI6412345600000787",
    "FR1420041010050500013M02606 FR3020041010050500013M02609 FR8420041010050500013M02607 FR7920041010050500013M02600 FR5720041010050500013M02608",
    "GB82WEST12345698765432 GB98WEST12345698765435 GB55WEST12345698765433 GB71WEST12345698765436 GB28WEST12345698765434",
    "GI60MPFS599327643783385 GI08RRNW626436291644533 GI41SAFA461293238477751 GI50LROG772261344693297 GI26KJBC361883934534696",
    "HR7624020064583467589 HR6323600002337876649 HR2725000096983499248 HR6723600004878117427 HR8724840081455523553",
    "IE29AIBK93115212345678 IE24AIBK93115212345671 IE02AIBK93115212345679 IE94AIBK93115212345672 IE51AIBK93115212345670",
    "LI0508800636123378777 LI4408800387787111369 LI1208800143823175626 LI4908800356441975566 LI7708800125525347723",
    "LT121000011101001000 LT281000011101001003 LT821000011101001001 LT981000011101001004 LT551000011101001002",
    "LU280019400644750000 LU440019400644750003 LU980019400644750001 LU170019400644750004 LU710019400644750002",
    "NL39RABO0300065264 NL55RABO0300065267 NL91ABNA0417164300 NL28RABO0300065268 NL82RABO0300065266",
    "NO9386011117947 NO8886011117940 NO6686011117948 NO6186011117941 NO3986011117949",
    "PT50000201231234567890154 PT66000201231234567890157 PT23000201231234567890155 PT39000201231234567890158 PT93000201231234567890156",
    "SE3550000000054910000003 SE5150000000054910000006 SE0850000000054910000004 SE2450000000054910000007 SE7850000000054910000005",
)
_OF_CLI = "IT60X0542811101000000123456"  # what Stripe's own command line has a debit fail with
# Of every country: an account number that ends so, filled with zeros before it.
_ENDINGS = {"00343434": "exceedsWeeklyVolumeLimit", "00121212": "exceedsWeeklyTransactionLimit", "02222227": "insufficientFunds",
            "00055555": "bankNotSupported", "00066666": "debitsNotSupported"}  # fmt: skip


def debit_of(kind: str, number: str | None) -> Debit:
    """What becomes of a debit from that account. Numbers that stand for nothing succeed in a moment."""
    number = number or ""
    if kind == "sepa_debit":
        scenario = _ibans().get(number) or _ENDINGS.get(number[-8:], "success")
    else:
        scenario = _NUMBERS.get(kind, {}).get(number, "success")
    return SCENARIOS[scenario]


def account_named(name: str) -> tuple[str, str] | None:
    """The kind and number behind `pm_usBankAccount_success` or `pm_sepaDebit_failed_de`; None for other names."""
    return _by_name().get(name)


@cache
def _ibans() -> dict[str, str]:
    return {iban: _ORDER[at] for row in _IBANS for at, iban in enumerate(row.split())} | {_OF_CLI: "failed"}


@cache
def _by_name() -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for kind, numbers in _NUMBERS.items():
        for number, scenario in numbers.items():
            found.setdefault(f"pm_{_NAMED[kind]}_{scenario}", (kind, number))
    for iban, scenario in _ibans().items():
        found[f"pm_sepaDebit_{scenario}_{iban[:2].lower()}"] = ("sepa_debit", iban)
        found[f"pm_{scenario}_{iban[:2].lower()}"] = ("sepa_debit", iban)
    return found


AMOUNTS = (32, 45)  # the two deposits that verify an account, in the smallest unit
EXCEEDING_AMOUNTS = (10, 11)
TIMED_OUT_AMOUNTS = (40, 41)
DESCRIPTOR_CODE = "SM11AA"
EXCEEDING_CODE = "SM33CC"
TIMED_OUT_CODE = "SM44DD"
