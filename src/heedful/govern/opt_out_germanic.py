"""How people say that they want no more messages, in English and German: tables of phrases."""

from __future__ import annotations

from typing import Final

from heedful.govern.opt_out_table import Language, Phrase, implied, on_all

_EN_DO: Final = (
    "text|e ?mail|mail|message|write|write to|contact|call|phone|ring|spam|bother|bug|harass|"
    "pester|disturb"
)
_EN_DOING: Final = (
    "sending|texting|e ?mailing|mailing|messaging|writing|contacting|calling|phoning|ringing|"
    "spamming|bothering|bugging|harassing|pestering|bombarding|notifying"
)
_EN_STOP: Final = "(?:stop|quit|cease|discontinue)"
_EN_NOT: Final = "(?:don ?t|do not|never|please no|stop to)"

ENGLISH: Final = Language(
    code="en",
    keywords=(
        "stop|stopp?all|stop all|end|quit|cancel|unsubscribe|unsubscribe me|unsub|revoke|"
        "opt ?out|opt me out|remove|remove me|stop it|stop this|stop (?:sms|texts?|mails?|emails?)|"
        "no more|enough|fuck off|piss off|go away|not interested remove"
    ),
    polite="please|pls|plz|now|thanks|thank you|thx|ok|okay|hi|hello|kindly|immediately|just|sir",
    message=(
        "messages?|msgs?|text messages?|texts?|sms|e ?mails?|mails?|mailings?|newsletters?|"
        "phone calls?|calls?|notifications?|alerts?|ads?|adverts?|advertis\\w+|promos?|"
        "promotions?|promotional \\w+|marketing|offers?|spam|junk|whats ?apps?|push\\w*"
    ),
    phrases=(
        Phrase(
            rf"\b{_EN_STOP} <2>(?:{_EN_DOING})(?= (?:me|us|my|this|these|those|to me|<M>)\b|$| "
            rf"\?)<,M>"
        ),
        Phrase(rf"\b{_EN_STOP} (?:all |the |these |those |your |this |with |any |it )+<1><M>"),
        Phrase(rf"\b{_EN_STOP} (?:<M>)$"),
        Phrase(
            rf"\b{_EN_NOT} (?:ever )?(?:{_EN_DO}) (?:me|us)\b"
            r"(?! (?:before|after|until|till|between|today|now|the|a|an|my|back|when|if|while|"
            r"because|on|at|tomorrow|tonight|yet|during|from)\b)"
        ),
        Phrase(rf"\b{_EN_NOT} (?:ever )?(?:{_EN_DO}) (?:me|us) (?:at|on) this \w+"),
        Phrase(rf"\b{_EN_NOT} (?:ever )?send (?:me |us |my \w+ )?<3><M>"),
        Phrase(rf"\b{_EN_NOT} (?:ever )?send (?:me|us) (?:anything|any ?more|any of)"),
        Phrase(r"\bunsubscribe\b|\bunsub\b|\bunsubscribed <5>still (?:get|receiv)\w*"),
        Phrase(r"\bopt (?:me|us) out\b|\bopt(?:ing)? out (?:of|from) <3><M>"),
        Phrase(r"\b(?:want|like|wish|need|how (?:do|can) i) (?:to )?opt out\b"),
        on_all(r"\b(?:out of|off) (?:this|your|the|ur|all) <2>(?:lists?|newsletters?)\b(?! price)"),
        on_all(
            r"\b(?:remove|take|delete|drop|get|strike) (?:me|us|my (?:name|number|e ?mail|phone|"
            r"address|details|contact)(?: \w+)?) <1>(?:from|off|of|out of) <3>(?:lists?|"
            r"database|mailing|newsletter|system|records|contacts?|subscriptions?|distribution)"
        ),
        Phrase(
            r"(?:^|\b(?:please|pls|want|wants|ok|and|enough) )no (?:more|further|longer any) <2>"
            r"<M>(?! (?:left|available|than)\b)"
        ),
        Phrase(
            r"\b(?:don ?t|do not|no longer|didn ?t|did not|not|never) <2>(?:want|wish|like|care|"
            r"need|interested|ask(?:ed)?|sign(?:ed)? up)(?: to| in| for)? <4><M>"
        ),
        on_all(
            r"\b(?:don ?t|do not|no longer) <1>(?:want|wish|like) to (?:hear|be (?:contacted|"
            r"emailed|e mailed|texted|called|messaged|bothered|disturbed))\b"
        ),
        Phrase(r"\b(?:don ?t|do not|no longer) <1>(?:want|wish) to (?:get|receive) anything\b"),
        implied(r"\b(?:leave|let) (?:me|us) (?:alone|be|in peace)\b"),
        implied(r"\b(?:lose|forget|delete|erase) (?:my|this) (?:number|e ?mail|address)\b"),
        on_all(
            r"\b(?:withdraw|revoke|retract)(?:ing)? <2>(?:consent|permission|opt in)\b|"
            r"\bobject to <7>(?:marketing|advertising|profiling|promotions?)"
        ),
        Phrase(r"\b(?:enough|sick|tired|fed up) (?:of|with) <3><M>"),
        Phrase(r"\bcancel <2>(?:newsletters?|mailings?|e ?mails?|texts?|sms|marketing|alerts?)\b"),
    ),
    guards=(
        r"(?<!if you )(?<!if u )\b(?:don ?t|do not|never|didn ?t|did not) <1>(?:stop|quit)\b",
        r"\b(?:don ?t|do not|didn ?t|did not|never) <3>(?:unsubscribe|opt out|cancel|remove)\b",
        r"\b(?:if|when|unless|before|after|without|until) (?:i|we) <2>(?:unsubscribe|opt "
        r"out|stop)\b",
        r"\b(?:why|when|did|have|has|had|do|does) (?:did |do |does |will |have |has )?"
        r"(?:you|u|they|we|it|the \w+|your \w+) <2>stop(?:ped|s)?\b",
        r"\bwhy (?:don ?t|do not|didn ?t|did not) (?:you|u|they)\b <4>",
        r"\b(?:accidentally|by (?:mistake|accident)) <1>unsubscribed?\b <5>",
        r"\bunsubscribed? <2>(?:accidentally|by (?:mistake|accident))\b",
        r"\b(?:stop|drop) by\b",
        r"\b(?:are there|there are|is there|i have|i ve|i got|i see|why are there) no (?:more )?",
    ),
    everything=r"\b(?:all|any|anything|every\w*|ever again|never|whatsoever|contacting|contact)\b",
    trigger=(
        r"stop|quit|cease|discontinue|don ?t|didn ?t|not\b|no\b|never|unsub|opt|list|database|"
        r"mailing|newsletter|system|records|contacts?\b|subscription|distribution|leave|let\b|"
        r"lose|forget|delete|erase|withdr|revok|retract|object|enough|sick|tired|fed\b|cancel"
    ),
)

_DE_VERB: Final = (
    "schreiben|anschreiben|kontaktieren|anrufen|anzurufen|belastigen|belaestigen|nerven|"
    "zuspammen|spammen|kontaktiert|angerufen|angeschrieben|belastigt|texten|zutexten"
)
_DE_WANT: Final = "will|wollen|wunsche\\w*|wuensche\\w*|mo?e?chten?|brauchen?|bitte um|verbitte mir"
_DE_LIST: Final = "verteilern?|newsletter\\w*|mailinglisten?|e ?mail listen?|listen?|datenbank"

GERMAN: Final = Language(
    code="de",
    keywords=(
        "stopp?|stoppen|stop(?:p)? (?:sms|werbung|mails?)|abmelden|abmeldung|abbestellen|"
        "abbestellung|austragen|ende|aufho(?:e)?ren|ho(?:e)?rt? auf|schluss|schluss jetzt|"
        "schluss damit|genug|raus|verpisst? (?:euch|dich)|geht weg"
    ),
    polite=(
        "bitte|danke|vielen dank|mal|jetzt|sofort|endlich|hallo|nun|doch|ok|mich|umgehend|"
        "freundliche grusse|mfg|lg"
    ),
    message=(
        "e ?mails?|mails?|nachrichten|sms|newsletter\\w*|werbung|werbe\\w+|reklame|anrufe?n?|"
        "angebote?n?|infos|informationen|benachrichtigungen|push\\w*|spam\\w*|whats ?app\\w*|"
        "mitteilungen|rundmails?|post|kontaktaufnahmen?|messages?|zeug|mist|kram"
    ),
    phrases=(
        Phrase(r"\b(?:keine[nr]?|keinerlei|nicht) <2><M> <3>mehr\b"),
        Phrase(r"\b(?:keine weiteren|nie wieder|nie mehr|niemals wieder) <2><M>"),
        Phrase(rf"\b(?:{_DE_WANT}) <3>(?:keine[nr]?|keinerlei|nicht) <3><M>"),
        Phrase(
            r"\bbitte <2>(?:keine[nr]?|keinerlei) <2><M>|\b(?:keine[nr]?|keinerlei) <1><M> bitte\b"
        ),
        Phrase(r"\b(?:brauch\w*|will|wollen|mo?e?chten?) <3><M> nicht(?: mehr)?$"),
        Phrase(r"\bkein interesse <1>an <3><M>"),
        on_all(rf"\b(?:nicht|nie|niemals) (?:mehr|wieder|langer|weiter) <2>(?:{_DE_VERB})\b"),
        on_all(
            r"\b(?:schreib\w*|ruf\w*|kontaktier\w*|nerv\w*|bela?e?stig\w*|spam\w*|text\w*) <4>"
            r"(?:nicht|nichts|nie|niemals|keine) (?:mehr|wieder|weiter)\b"
        ),
        Phrase(
            r"\b(?:schick\w*|send\w*) (?:sie |mir |uns |bitte )+<2>(?:nichts|nie) (?:mehr|wieder)"
            r"<,M>"
        ),
        Phrase(r"\b(?:schick\w*|send\w*|schreib\w*) <3>(?:keine[nr]?|keinerlei) <2><M>"),
        on_all(r"(?:^|\bbitte )meld\w+ (?:sie sich|euch|dich) <1>(?:nicht|nie) (?:mehr|wieder)\b"),
        on_all(r"\bnichts? mehr <3>(?:ho(?:e)?ren|lesen)\b"),
        Phrase(
            r"\b<M> <3>(?:abmelden|abbestellen|austragen|kundigen|kuendigen|beenden|stoppen|"
            r"abstellen|einstellen|unterlassen)\b"
        ),
        on_all(
            r"\b(?:meld\w*|trag\w*|nehm\w*|nimm\w*|lo(?:e)?sch\w*|streich\w*|entfern\w*|abmelden|"
            rf"austragen|abbestellen) <4>(?:vom|von|aus) <3>(?:{_DE_LIST})\b"
        ),
        on_all(
            rf"\b(?:vom|von|aus) <3>(?:{_DE_LIST}) <3>(?:abmelden|austragen|lo(?:e)?schen|"
            rf"streichen|"
            r"nehmen|entfernen|abgemeldet|gelo(?:e)?scht|ausgetragen|runter|raus|ab)\b"
        ),
        Phrase(
            r"\bmeld\w* (?:sie )?mich <2>ab$|\b(?:mo?e?chte|will|wurde|wuerde) mich <1>abmelden$"
        ),
        Phrase(r"\bho(?:e)?r\w* <3>auf <3>(?:zu |mit )?<2>(?:<M>|zu \w+|anzurufen|damit)"),
        Phrase(
            r"\b(?:unterlass\w*|stopp\w+|beend\w*) <3><M>|\bstopp? (?:mit |die |den |der |"
            r"diese\w* |eure\w* )+<1><M>"
        ),
        Phrase(r"\b(?:stell\w*|bestell\w*) <4><M> <2>(?:ein|ab)\b"),
        implied(r"\blass\w* <1>(?:mich|uns) <2>in (?:ruhe|frieden)\b"),
        implied(
            r"\blo(?:e)?sch\w* <2>meine (?:nummer|handynummer|telefonnummer|adresse|e ?mail\w*)"
        ),
        on_all(
            r"\bwiderspr\w+ <5>(?:werbung|werb\w+|zusendung|kontaktaufnahme|marketing|nutzung)\b|"
            r"\bwiderruf\w* <4>(?:einwilligung|zustimmung|erlaubnis|werbe\w+)\b|"
            r"\b(?:einwilligung|zustimmung) <5>(?:widerruf\w*|zuru(?:e)?ck\w*)\b"
        ),
        Phrase(r"\b(?:genug|schluss) (?:von|mit) <3><M>|\b(?:nerv\w*|satt) <3><M>|\b<M> nerv\w*"),
    ),
    guards=(
        r"\b(?:nicht|nie|niemals) <1>(?:aufho\w+|stopp\w*|abmelden|abbestell\w*|austragen)\b",
        r"\bho(?:e)?r\w* <3>(?:nicht|nie|niemals) <2>auf\b <4>",
        r"\b(?:warum|wieso|weshalb|seit wann|wann)\b .*",
        r"\b(?:habe?|haben|hatte|bekomme?n?|bekam|erhalten?|erhielt|kriege?|kommen|kommt|kam|gibt|"
        r"sehe|finde) (?:ich |wir |es |noch |leider |bisher |immer |bis jetzt |heute |gestern |"
        r"seit \w+ |aber |gar |uberhaupt |hier |dazu |von euch |von ihnen )*(?:keine|kein|"
        r"nicht)\b <5>",
        r"\b(?:die|der|das|eure|ihre) \w+ (?:schickt|sendet|schreibt|meldet) "
        r"<3>(?:nichts?|keine)\b <3>",
        r"\bwenn ich <4>(?:abmelden?|abbestellen?|austragen?)\b",
        r"\b(?:fur|fuer|zum) <2>newsletter <2>(?:anmelden|an)\b",
    ),
    everything=(
        r"\b(?:alle\w*|jegliche\w*|jede\w*|nichts|nie|niemals|keinerlei|uberhaupt|sonst "
        r"was)\b"
    ),
    trigger=(
        r"kein|nicht|nie\b|niemals|stopp?|unterlass|beend|schluss|genug|abmeld|abbestell|"
        r"austrag|verteiler|newsletter|mailing|liste|e ?mail liste|datenbank|meld|ho(?:e)?r|"
        r"stell|bestell|lass|lo(?:e)?sch|widerspr|widerruf|einwilligung|zustimmung|nerv|satt\b"
    ),
)
