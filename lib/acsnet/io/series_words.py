"""Words that tell what a series shows, as scanners and people name them. Ours."""

import re

CINE = re.compile(r"(?<![a-z])(?:cine|ciné(?![a-z]))", re.IGNORECASE)

CINE_SEQUENCE = re.compile(
    r"(?<![a-z]) (?: [23]d )? (retro | fiesta | tru (?:e)? fi (?:sp)? | s? b -? [tf] fe | b? ssfp"
    r" | basg | kino | kine ) (?![a-z])"
    r"| (?<![a-z]) fun[ck] (?:tion)? (?![a-z]) | (?<![a-z]) real [\s_-]* time (?![a-z])",
    re.IGNORECASE | re.VERBOSE,
)
"""What function is scanned with, and LGE at times: then its name says so, or an inversion."""

NO_LGE = re.compile(
    r"""
    scout | survey | locali[sz]er | look.?locker | (?<![a-z]) ll [\s_-]* ti (?![a-z])
    | (?<! nach [\s_-] ) (?<! vor [\s_-] ) (?<! after [\s_-] ) (?<! before [\s_-] )
        (?<![a-z]) (t1|t2|r1|r2|ecv|b0|b1|field) (?:\*|star)? [\s_-]* (map|kart|pixel)
    | (?<![a-z]) (?: mapp?[aes]{0,2} | mapping | mapeo | mapeamento | cartogra(?:ph|f)\w* )
        [\s_-]* (?: de [\s_-]* )? (t1|t2|r1|r2|ecv) (?![a-z\d])
    | (?<![a-z]) t1 [\s_-]* (?: \* | star (?![a-z]) (?! [\s_-]* vibe ) )
    | smart [\s_-]* (?:t)? 1 [\s_-]* map | (?: myo | scar ) [\s_-]* maps? (?![a-z])
    | extra [\s_-]* [cz]el\w* [\s_-]* vol | vol\w* [\s_-]* extra [\s_-]* [cz]el
    | bulls? [\s_-]* eye
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Scans of the same protocol from which no scar is measured, whatever else they are called."""

OTHER_CONTRAST = re.compile(
    r"""
    molli | shmolli | sasha (?![a-z]) | (?<![a-z]) ecv (?![a-z])
    | (?<![a-z]) t2 (?: \* | star w? | w | [\s_-]* (?: stir | prep | tse | haste | weighted ) )?
        (?![a-z\d])
    | (?<![a-z]) (stir | haste | tagging | spamm | bold) (?![a-z])
    | (?<! nach [\s_-] ) (?<! post [\s_-] ) (?<! after [\s_-] )
        (?<![a-z]) perf (?: usion )? (?![a-z])
    | first [\s_-]* pass | time [\s_-]* course
    | phase [\s_-]* contrast | (?<![a-z]) (q? [\s_-]* flow | venc | mra | angio) (?![a-z])
    | (?<![a-z]) (tse | (?: ss -? )? fse | tirm | dixon | dwi | c? dti | adc | diffusion | cspamm)
        (?![a-z])
    | nati[vf]\w? [\s_-]* t1 | t1 [\s_-]* nati[vf] | t1 [\s_-]* rho
    | t1 [\s_-]* w (?: eighted )? (?![a-z])
    | fat [\s_-]* water | water [\s_-]* fat | (out [\s_-]* of | opposed) [\s_-]* phase
    | black [\s_-]* blood | proton [\s_-]* dens
    | (?<![a-z]) ege (?![a-z]) | early [\s_-]* (gad | gd | enh)
    | (?<![a-z]) (shim | calibration) | (?<![a-z]) (coil | ref) [\s_-]* (sens | scan)
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""What else is scanned of a heart: no LGE unless the name says LGE, too."""

ABBREVIATION = re.compile(
    r"(?<![a-z]) (?: (?<! nach [\s_-] ) (?<! post [\s_-] ) (?<! after [\s_-] ) (?: stress | rest )"
    r" | dyn (?: amic )? | pc | pd | loc | tag (?: ged )? | harp | dense | strain"
    r" | grid | swi | cest ) (?![a-z])",
    re.IGNORECASE | re.VERBOSE,
)
"""As `OTHER_CONTRAST`, for series of a scanner alone: files are called after patients, too."""

OF_LGE_TOO = re.compile(
    r"t1 [\s_-]* w (?: eighted )? | t2 [\s_-]* prep | black [\s_-]* blood | dixon"
    r" | fat [\s_-]* water | water [\s_-]* fat"
    r" | (?<![a-z]) (?: (?: stress | rest ) (?![a-z]) [\s_-]* | (?: pd | loc ) (?![a-z]) )",
    re.IGNORECASE | re.VERBOSE,
)
"""Of these what describes LGE at times: it leaves a protocol's name its meaning."""

EXAMINATION = re.compile(
    r"card | heart | herz | coeur | cora[zcç] | cuore | (?<! de [\s_-] ) (?<![a-z]) cmr (?![a-z])"
    r" | exam | routine | protocol | [+,/&] | (?: [^\W_]+ [\W_]+ ){3} [^\W_]",
    re.IGNORECASE | re.VERBOSE,
)
"""In protocols that are called after more than a scan: by such a word, or by more than three."""

MAP_WORD = re.compile(r"(?<![a-z]) map (?: s | ping )? (?![a-z])", re.IGNORECASE | re.VERBOSE)
"""In names that say no more of maps than this: what they show is told as a doubt."""

UNCONTRASTED = re.compile(
    r"(?<![a-z]) (?: pre [\s_-]* (?: contrast | gad (?: o\w* | (?![a-z]) ) | gd (?![a-z]) )"
    r" | (?<! space [\s_-] ) (?<! acq [\s_-] ) nati[vf]e? (?![a-z])"
    r" (?! [\s_-]* (?: space | grid | res | orient | iso ) ) )",
    re.IGNORECASE | re.VERBOSE,
)
"""Of scans before contrast agent, which shows LGE. The native space, or resolution,
of BIDS and others is where images lie."""

AMBIGUOUS = re.compile(
    r"(?<![a-z]) (?: rt | film | mtc? | fase (?! [\s_-]* [^\W\d_]{3} ) ) (?![a-z])",
    re.IGNORECASE | re.VERBOSE,
)
"""Real time or a respiratory trigger, film, magnetization transfer, Canon's fast spin echo or a
phase: of other scans, and of LGE at times. For series of a scanner alone, as `ABBREVIATION`."""

INVERSION = re.compile(r"(?<![a-z])ir(?![a-z])|inversion", re.IGNORECASE)
OWN_INVERSION = re.compile(r"(?<![a-z])(t2w?|stir|tirm)(?![a-z])", re.IGNORECASE)
"""Of scans that invert fat: their inversion time is no sign of LGE."""

LONG_AXIS = re.compile(
    r"(?<![a-z\d]) p? [234] [\s_-]* (?: (?:ch|cv|kb) (?![a-z]) | cham | kammer )"
    r"| (?<![a-z]) (lax|hla|vla|lvot|rvot) (?![a-z]) | long [\s_-]* axis",
    re.IGNORECASE | re.VERBOSE,
)
BODY_PLANE = re.compile(
    r"(?<![a-z]) (axial | trans (?:v\w*)? | tra | coronal | cor | sagittal | sag) (?![a-z])",
    re.IGNORECASE | re.VERBOSE,
)
SHORT_AXIS = re.compile(r"(?<![a-z]) (sax?|short) (?![a-z])", re.IGNORECASE | re.VERBOSE)

OF_SHORT_AXIS = r"""
    (?<![a-z]) (?: ka | sax? | petit [\s_-]* axe | (?: eje | eixo | asse ) [\s_-]* c[ou]rto )
    (?![a-z])
"""

BESIDE_LATE = rf"""
    {OF_SHORT_AXIS} | (?<![a-z]) ir (?![a-z])
    | rehauss | realce | capta[cç] | prise .* contraste | enhanc
"""

LATE_ENHANCEMENT = r"""
    (?<! [脉脈] ) 晚期 \s* [钆釓]? \s* [增强強] | [钆釓] \s* 延 [迟遲] | 지연 \s* 조영
    | (?: отсроченн | поздне ) \w{1,3} [\s_-]+ (?: контраст | усилен | накоплен )
    | p[oó][zź]n[ey] \w* [\s_-]+ wzmoc | (?<![a-z]) ge[cç] [\s_-]+ kontrast
    | (?<![a-z]) sen [\s_-]+ (?: uppladd | opladn )
"""
"""In Chinese (not of an artery), Korean, Russian, Polish, Turkish, Swedish and Danish."""

LATE = rf"""
    \A (?! .* (?: {OTHER_CONTRAST.pattern} | {CINE.pattern} | {CINE_SEQUENCE.pattern}
        | angio | fase | phase | temps | ven[oö]s | vein | portal | art[eé]ri | h[eé]pat | foie
        | fegato | [hf][ií]gado | (?<![a-z]) (?: leber | lever (?![a-z]) ) | 肝
        | 간 [\s_-]* 지연 | печен | w[aą]trob | karaci[gğ]er | vibe | thrive ))
    (?: (?= .* (?: {BESIDE_LATE} ))
        .* (?<![a-z]) (?: tard [ií] | retard (?: o | ad | [eé] )
            | sp (?: ae | a? [^a-z\d\s_-]{{1,2}} ) t (?![a-z]) )
    | (?= .* (?: {OF_SHORT_AXIS} ))
        .* (?<![a-z]) (?: (?-i: LE ) | rtg ) (?![a-z])
    | .* (?: {LATE_ENHANCEMENT} ) )
"""
"""What says LGE where no word of another scan or organ stands beside it.

The mere word late does so beside a word of enhancement or the short axis; LE and RTG, late
enhancement in short, are a leg, a name and X-rays, too.
"""

LGE = re.compile(
    rf"""
    (?<![a-z]) (?: [dbw]b | [23]d | s )? (lge | mde | psmde | psir) (?: sax? )? (?![a-z])
    | (?<![a-z]) de (?: [_-] | \s* (?: mri? | cmr | sax? | psir | 2d | 3d | ir | overview | high )
        (?![a-z]) | $ )
    | late [\s_-]* (gad | gd | enh | aankl)
    | delayed | delay [\s_-]* enh | hyper [\s_-]* enh
    | viab
    | realce [\s_-]* tard | rehaussement [\s_-]* tard
    | sp (?: ae? | a? [^a-z\d\s]{{1,2}} ) t [\s_-]* (?: aufn | anreich | enh | kontrast )
    | 遅延 \s* 造影 | 延 [迟遲] \s* [强強增]
    | {LATE}
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""English names with the abbreviations of the vendors, and those of other languages.

The German umlaut may be one character or two, or have become others.
"""
