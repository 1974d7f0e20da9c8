"""How people say that they want no more messages, in French, Spanish, Portuguese and Italian."""

from __future__ import annotations

from typing import Final

from heedful.govern.opt_out_table import Language, Phrase, implied, on_all

_FR_VERB: Final = (
    "ecri\\w*|contact\\w*|appel\\w*|relanc\\w*|sollicit\\w*|derang\\w*|harcel\\w*|embet\\w*|"
    "demarch\\w*|telephon\\w*|spam\\w*|importun\\w*"
)
_FR_LIST: Final = "listes?|fichiers?|base|mailing|newsletters?|diffusion|contacts?|repertoire"
_FR_NOT_YET: Final = (
    "(?! (?:avant|apres|le|la|les|entre|aujourd|ce|cet|demain|encore|tout de suite)\\b)"
)

FRENCH: Final = Language(
    code="fr",
    keywords=(
        "stop|stop (?:sms|pub|mails?|mail|publicite)|arret|arretez?|arretez ca|arreter|"
        "desabonner|desabonnement|desabonnez moi|me desabonner|desinscription|desinscrire|"
        "desinscrivez moi|me desinscrire|fin|ca suffit|assez|degagez?|stop ca"
    ),
    polite=(
        "svp|stp|s il vous plait|s il te plait|merci|de suite|maintenant|bonjour|ok|immediatement"
    ),
    message=(
        "e ?mails?|mails?|mels?|courriels?|courriers?|messages?|sms|textos?|newsletters?|"
        "infolettres?|pubs?|publicites?|publicitaires?|promos?|promotions?|offres?|spams?|appels?|"
        "notifications?|notifs?|whats ?app|prospection|demarchage|sollicitations?|communications?"
    ),
    phrases=(
        on_all(rf"\bne? (?:me|m|nous) ?(?:{_FR_VERB}) (?:plus|pas|jamais)\b{_FR_NOT_YET}"),
        on_all(r"(?:^|\b(?:svp|stop|et) )(?:me|m|nous) ?(?:ecri\w*|contact\w*|appel\w*) plus\b"),
        Phrase(r"\bne? (?:me |m |nous )?envoy\w* (?:plus|pas|jamais) <3>(?:<M>|rien)<,M>"),
        Phrase(r"\bne? (?:me|m|nous) envoy\w* plus(?:$| (?:svp|s il|stp|merci|jamais|tout))"),
        on_all(rf"\bne (?:plus|pas|jamais) (?:jamais )?(?:me |m |nous |etre )(?:{_FR_VERB})"),
        Phrase(r"\bne (?:plus|pas|jamais) (?:me |m |nous )?envoy\w* <3>(?:<M>|rien)<,M>"),
        Phrase(
            r"\b(?:souhait\w*|veux|voul\w*|desir\w*|voudrais|aimerais|accept\w*|demande a)"
            r" (?:ne )?(?:plus|pas|aucun\w*) <2>(?:recev\w+ )?<4><M>"
        ),
        on_all(
            r"\b(?:souhait\w*|veux|desir\w*|voudrais) (?:ne )?(?:plus|pas) <1>"
            r"(?:etre (?:contact|sollicit|derang|appel|demarch)\w*|(?:etre|figurer) (?:sur|"
            r"dans) <3>"
            rf"(?:{_FR_LIST})\b|entendre parler de vous|"
            r"recevoir quoi que ce soit|rien recevoir)"
        ),
        Phrase(r"\bplus rien recevoir\b"),
        Phrase(r"(?:^|\b(?:svp|merci|bonjour) )plus (?:de|d|aucun\w*|jamais de) <1><M>(?!.* \?)"),
        Phrase(
            r"\b(?:arret\w*|cess\w*|stop\w*) (?:de |d |avec |aux? |a |les |vos |ces |tou\w+ |"
            r"immediatement |svp |votre |la |le |l )*(?:me |m |nous )?"
            r"(?:envois? (?:de|d) )?(?:<M>|envoy\w*|"
            rf"{_FR_VERB})<,M>"
        ),
        Phrase(r"\bdesabonn\w*|\bdesinscri\w*"),
        on_all(
            r"\b(?:retir\w*|supprim\w*|enlev\w*|effac\w*|ray\w*|radi\w*|sort\w*) (?:moi|nous|"
            rf"mon \w+|mes \w+|me|m) <3>(?:de|du|des) <3>(?:{_FR_LIST})\b"
        ),
        on_all(
            r"\b(?:me|m|nous) (?:retir|supprim|enlev|effac|ray|radi)\w* <1>(?:de|du|des) <3>"
            rf"(?:{_FR_LIST})\b"
        ),
        implied(
            r"\b(?:supprim\w*|effac\w*|oubli\w*) (?:mon|mes) (?:numero|e ?mail|mail|adresse|"
            r"coordonnees)\b"
        ),
        implied(r"\b(?:laiss\w*|fout\w*|fich\w*) (?:moi|nous) <1>(?:tranquilles?|en paix|la paix)"),
        implied(r"\blach\w* (?:moi|nous)\b"),
        on_all(
            r"\bm ?oppose <5>(?:prospection|marketing|publicit\w*|demarchage|utilisation|"
            r"traitement)\b|\b(?:retir\w*|revoqu\w*) mon (?:consentement|accord|autorisation)\b"
        ),
        Phrase(r"\b(?:marre|assez|ras le bol|fatigue\w*) (?:de|d|des) <3><M>"),
    ),
    guards=(
        r"\b(?:n ?arret\w*|ne cess\w*|ne stopp\w*) (?:pas|jamais|plus)\b <5>",
        r"\b(?:avez|avez vous|as|ont|a|est ce que vous|quand|s|si vous) (?:arret\w*|cess\w*)\b <4>",
        r"\b(?:pourquoi|quand|comment se fait)\b .*",
        r"(?<!que )\b(?:vous|tu|il|elle|on|ils|elles|nous) ne? (?:me|m|nous|pas|plus)\b <5>",
        r"\b(?:ne|n|sans|pas) <4>(?:desabonn\w*|desinscri\w*)\b(?! (?:me|moi))",
        r"\bsi je <2>(?:desabonn\w*|desinscri\w*)\b",
        r"\b(?:desabonn\w*|desinscri\w*) (?:par erreur|par accident|sans le vouloir)\b",
    ),
    everything=r"\b(?:tou[st]\w*|rien|jamais|quoi que ce soit|aucun\w*)\b",
    trigger=(
        r"ne?\b|plus\b|pas\b|aucun|arret|cess|stop|desabonn|desinscri|retir|supprim|enlev|"
        r"effac|ray|radi|sort|laiss|fout|fich|lach|m ?oppose|revoqu|marre|assez|ras\b|fatigu|"
        r"oubli"
    ),
)

_ES_STOP: Final = "deja|dejad|dejen|deje|dejar|parad|paren|para|pare|basta|ya basta"
_ES_DO: Final = "mandar|enviar|escribir|llamar|molestar|contactar|acosar|bombardear|spamear"
_ES_LIST: Final = "listas?|base|boletin|newsletter|suscrip\\w*|contactos|registros?|correos?"

SPANISH: Final = Language(
    code="es",
    keywords=(
        "stop|baja|alto|parar|pare|paren|para ya|paren ya|basta|basta ya|cancelar|salir|fin|"
        "eliminar|dar(?:me)? de baja|dame de baja|denme de baja|quiero darme de baja|no mas|"
        "no quiero mas|desuscribir(?:me)?|desuscripcion|suprimir|quitenme|borrenme"
    ),
    polite="por favor|porfavor|porfa|pf|gracias|ya|ahora|hola|inmediatamente|ok|mismo|buenas",
    message=(
        "e ?mails?|mails?|correos? electronicos?|correos|mensajes|mensajitos|sms|newsletters?|"
        "boletin(?:es)?|publicidad|propaganda|promos?|promociones|ofertas|anuncios|spam|llamadas|"
        "notificaciones|whats ?apps?|wasaps?|comunicaciones|avisos|textos"
    ),
    phrases=(
        Phrase(r"\bno (?:me |nos )<1>?(?:mand|envi)(?:e|es|en|eis) <3>(?:mas|nada|nunca|<M>)<,M>"),
        Phrase(r"\bno (?:mand|envi)(?:e|es|en|eis) (?:mas|<2><M>)<,M>"),
        on_all(
            r"\bno (?:me|nos) <1>?(?:escrib(?:a|as|an|ais)|(?:llam|contact|molest)(?:e|es|en|"
            r"eis))\b"
            r"(?! (?:antes|despues|hasta|entre|por|el|al|hoy|ahora|a las|esta)\b)"
        ),
        on_all(r"\bno (?:escrib(?:a|as|an|ais)|(?:llam|contact|molest)(?:e|es|en|eis)) mas\b"),
        Phrase(
            r"\bno (?:quier|dese)\w* que <1>(?:me|nos) (?:mand|envi|escrib|llam|contact|molest)\w*"
        ),
        Phrase(rf"\b(?:{_ES_STOP}) <2>(?:de|con) <2>(?:(?:{_ES_DO})\w*|<M>)<,M>"),
        Phrase(
            r"\bno (?:sigan|sigas|siga|sigais) (?:mandand|enviand|escribiend|llamand|molestand)\w*"
        ),
        on_all(rf"\bno (?:me|nos) vuelv(?:an|as|a|ais) a (?:{_ES_DO})\b"),
        Phrase(r"\bdejar de recibir <3><M>|\bno (?:estoy|estamos) interesad\w+ en <3><M>"),
        Phrase(
            r"\bno (?:quier\w*|dese\w*|necesit\w*|me interes\w*|acept\w*) <2>(?:recib\w+ )?<3><M>"
        ),
        on_all(
            r"\bno (?:quier\w*|dese\w*) <2>(?:nada mas|saber nada|recibir nada|ser contactad\w+)"
        ),
        Phrase(r"\bno mas <M>|\bni un\w* <M> mas\b"),
        Phrase(r"\b(?:dar(?:me|nos)?|dame|denme|deme|dadme|dennos) de baja\b"),
        Phrase(r"\b(?:solicito|quiero|pido|quisiera) (?:mi|la) baja\b"),
        Phrase(r"\b(?:desuscrib|desuscrip|desinscrib|desapunt)\w*"),
        on_all(
            r"\b(?:(?:borr|quit|elimin|sac|saqu|retir)\w*(?:me|nos)|(?:borr|quit|elimin|sac|saqu|"
            rf"retir)\w* (?:mi|mis) \w+) <2>(?:de|del) <3>(?:{_ES_LIST})\b"
        ),
        implied(
            r"\b(?:borr\w*|elimin\w*|olvid\w*) (?:mi|este) (?:numero|correo|mail|email|telefono)\b"
        ),
        implied(r"\b(?:dejen|deja|deje|dejad|dejar|dejes)(?:me|nos) <1>(?:en paz|tranquil\w*)"),
        on_all(
            r"\b(?:me opongo|nos oponemos) <5>(?:publicidad|marketing|comunicaciones|tratamiento|"
            r"uso)\b|\b(?:retir\w*|revoc\w*) (?:mi|el) (?:consentimiento|autorizacion|permiso)\b"
        ),
        Phrase(r"\bcancel\w* <3>(?:boletin\w*|newsletters?|correos|mensajes|notificaciones|sms)\b"),
        Phrase(r"\b(?:hart[oa]s?|cansad[oa]s?) de <3><M>"),
    ),
    guards=(
        r"\bno <1>(?:dej(?:en|es|e|eis)|par(?:en|es|e|eis)) de\b <4>",
        r"\b(?:no|sin) <3>(?:dar(?:me)? de baja|desuscribir\w*)",
        r"\bsi (?:me doy de baja|me desuscrib\w*)\b",
        r"\b(?:por que|cuando|porque no)\b .*",
        r"\b(?:no|nunca) (?:me|nos) (?:lleg\w*|han|ha|aparec\w*|mandan|envian|escriben|llaman)\b"
        r" <5>",
        r"\b(?:no|ya no) (?:recib\w*|tengo|veo|hay|encuentro|llegan) <2>(?:ningun\w* |mas )?<M>",
        r"\bdar de baja (?:mi |el |la |un |una )(?:cuenta|producto|pedido|linea|tarjeta|seguro|"
        r"contrato)",
        r"\bpor error\b .*",
    ),
    everything=r"\b(?:tod[oa]s?|nada|nunca|ningun\w*|jamas|contact\w*)\b",
    trigger=(
        r"no\b|ni\b|deja|deje|parad|paren|para\b|pare\b|basta|baja|desuscri|desinscri|"
        r"desapunt|borr|quit|elimin|sac|saqu|retir|olvid|opongo|oponemos|revoc|cancel|hart|"
        r"cansad"
    ),
)

_PT_NOT: Final = "(?:nao|n)"
_PT_DO: Final = (
    "mandar|enviar|escrever|ligar|incomodar|perturbar|contatar|contactar|chatear|encher|telefonar"
)
_PT_LIST: Final = "listas?|base|mailing|newsletter|cadastro|contatos|contactos|banco|envios"

PORTUGUESE: Final = Language(
    code="pt",
    keywords=(
        "stop|parar|pare|parem|para|para ja|sair|cancelar|remover|descadastrar|descadastre|"
        "chega|basta|fim|encerrar|nao quero mais|nao quero|n quero mais|quero sair|me tira|"
        "me remova|cancelar inscricao|cancelar subscricao|anular subscricao"
    ),
    polite="por favor|pfv|pf|obrigad[oa]|ja|agora|ola|oi|imediatamente|ok|bom dia|isso|grat[oa]",
    message=(
        "e ?mails?|mails?|mensagens|mensagem|msgs?|sms|torpedos?|newsletters?|boletins|"
        "publicidades?|propagandas?|promos?|promocoes|ofertas|anuncios|spams?|ligacoes|chamadas|"
        "telefonemas|notificacoes|whats ?apps?|zaps?|comunicacoes|avisos|textos"
    ),
    phrases=(
        Phrase(rf"\b{_PT_NOT} (?:me |nos )?(?:mand|envi)(?:e|em|a|es) <2>(?:mais|nada|<M>)<,M>"),
        Phrase(rf"\b{_PT_NOT} (?:me|nos) (?:mand|envi)(?:e|em|a|es)(?:$| mais)"),
        on_all(
            rf"\b{_PT_NOT} (?:me |nos )(?:escreva\w?|ligue\w?|liga|conta(?:c)?te\w?|telefone\w?|"
            r"incomode\w?|perturbe\w?|chateie\w?|encha\w?)\b"
            r"(?! (?:antes|depois|ate|entre|hoje|agora|a noite|de)\b)"
        ),
        on_all(
            rf"\b{_PT_NOT} (?:escreva\w?|ligue\w?|conta(?:c)?te\w?|telefone\w?|incomode\w?|"
            r"perturbe\w?) (?:me )?mais\b"
        ),
        Phrase(
            rf"\b{_PT_NOT} (?:quero|queremos|desejo|pretendo|gostaria|aceito|preciso) (?:de )?"
            r"(?:mais )?<5><M>"
        ),
        Phrase(
            rf"\bdeixar de receber <3><M>|\b{_PT_NOT} (?:tenho interesse|estou interessad\w) <3><M>"
        ),
        on_all(
            rf"\b{_PT_NOT} (?:quero|desejo|pretendo) (?:mais )?(?:receber <2>nada|ser <1>"
            r"(?:contact|contat|incomod|perturb)\w*|nada de voces|saber de voces)"
        ),
        Phrase(
            rf"\b(?:pare|parem|para|parar|deixe|deixem|cesse|cessem|chega|basta) <1>(?:de|com) "
            rf"(?:me )?(?:(?:{_PT_DO})\w*|<3><M>)<,M>"
        ),
        Phrase(r"\b(?:chega|basta) de <3><M>"),
        on_all(
            r"\b(?:me (?:tir|remov|retir|exclu|apag|descadastr)\w*|(?:tir|remov|retir|exclu|apag|"
            r"elimin)\w* (?:me|(?:o )?meu \w+|(?:a )?minha \w+)) <2>(?:da|de|do|das|dessa|desta|"
            rf"vossa) <3>(?:{_PT_LIST})\b"
        ),
        Phrase(r"\bdescadastr\w*|\bdesinscrev\w*|\bdesinscri\w*|\bdesubscrev\w*"),
        Phrase(
            r"\b(?:cancel|anul)\w* <2>(?:subscricao|inscricao|assinatura|cadastro) <2>(?:news\w*|"
            r"boletim|e ?mails?|mensagens|sms|lista)\b"
        ),
        on_all(r"\bsair (?:da|dessa|desta|de|do) <2>(?:lista|mailing|newsletter)\b"),
        implied(r"\b(?:me deix\w*|deix\w* me|deix\w* nos|nos deix\w*) <1>em paz\b"),
        implied(r"\b(?:apag\w*|exclu\w*|esque\w*) (?:o )?meu (?:numero|e ?mail|contat?o|telefone)"),
        on_all(
            r"\b(?:oponho me|me oponho) <5>(?:publicidade|marketing|tratamento|uso|comunicacoes)\b|"
            r"\b(?:revogo|retiro|revogar|retirar) (?:o )?(?:meu )?(?:consentimento|autorizacao)\b"
        ),
        Phrase(
            r"\b(?:fart[oa]|cansad[oa]|saturad[oa]|chei[oa]) (?:de|das|dos|dess?[ae]s|dest[ae]s) "
            r"<3><M>"
        ),
    ),
    guards=(
        rf"\b{_PT_NOT} (?:pare|parem|para|deixe|deixem) de\b <4>",
        rf"\b(?:{_PT_NOT}|sem) <3>(?:descadastr\w*|desinscrev\w*|cancelar a \w+)",
        r"\bse (?:eu )?(?:me )?(?:descadastr\w*|desinscrev\w*|cancelar)\b",
        r"\b(?:por que|porque|porq|pq|quando)\b .*",
        rf"(?<!que )\b(?:voces?|vcs?|ela|ele|eles|o app|o site|a loja) {_PT_NOT}\b <5>",
        rf"\b(?:ja )?{_PT_NOT} (?:recebi|recebo|chegou|chegam|tenho|ha|vejo|encontro) <3><M>",
        r"\b(?:sem querer|por engano)\b .*",
    ),
    everything=r"\b(?:tudo|tod[oa]s?|nada|nunca|nenhum\w*|jamais)\b",
    trigger=(
        r"nao|n\b|pare|para|deix|cess|chega|basta|tir|remov|retir|exclu|apag|elimin|"
        r"descadastr|desinscr|desubscrev|cancel|anul|sair|esque|oponho|revog|fart|cansad|"
        r"saturad|chei"
    ),
)

_IT_CALL: Final = (
    "scriver|scrivete|contattar|contattate|chiamar|chiamate|telefonar|telefonate|disturbar|"
    "disturbate|importunar|importunate"
)
_IT_FORMAL: Final = (
    "scrivete|scriva|scriviate|contattate|contatti|contattiate|chiamate|chiami|chiamiate|"
    "telefonate|telefoni|disturbate|disturbi"
)
_IT_DO: Final = (
    "scriver|mandar|inviar|contattar|chiamar|telefonar|disturbar|romper|spammar|tempestar"
)
_IT_LIST: Final = (
    "listae?|liste|lista|newsletter|mailing|indirizzario|database|rubrica|elenco|contatti"
)
_IT_NOT_YET: Final = (
    "(?! (?:prima|dopo|entro|tra|fra|fino|oggi|ora|adesso|al|il|la|di|a|domani)\\b)"
)

ITALIAN: Final = Language(
    code="it",
    keywords=(
        "stop|stop (?:sms|mail|pubblicita)|basta|disiscrivimi|disiscrivetemi|disiscrizione|"
        "disiscrivermi|cancellami|cancellatemi|rimuovimi|rimuovetemi|smettetela|smettila|"
        "fermatevi|annulla iscrizione|cancella iscrizione|finitela|piantatela"
    ),
    polite="per favore|perfavore|per piacere|grazie|ora|adesso|subito|ciao|salve|ok|buongiorno",
    message=(
        "e ?mail|mails?|messaggi|messaggini|sms|newsletter|pubblicita|promo|promozioni|"
        "offerte|spam|chiamate|telefonate|notifiche|whats ?app|comunicazioni|avvisi|posta"
    ),
    phrases=(
        on_all(rf"\bnon (?:{_IT_CALL})(?:mi|ci)\b{_IT_NOT_YET}"),
        on_all(rf"\bnon (?:mi|ci) (?:{_IT_FORMAL})\b{_IT_NOT_YET}"),
        Phrase(
            r"\bnon (?:mandar|mandate|inviar|inviate|spedir|spedite)(?:mi|ci|e) <2>(?:piu|niente|"
            r"nulla|<M>)<,M>"
        ),
        Phrase(r"\bnon (?:mandate|inviate) <2><M>"),
        Phrase(
            r"\bnon (?:mi|ci) (?:mandate|mandi|inviate|invii|spedite|mandiate|inviate) <2>(?:piu|"
            r"niente|nulla|<M>)<,M>"
        ),
        Phrase(
            r"\bnon (?:voglio|vogliamo|vorrei|desidero|gradisco|intendo|accetto|ricevere|sono "
            r"(?:piu )?"
            r"interessat\w) (?:piu )?<4><M>"
        ),
        on_all(
            r"\bnon (?:voglio|vogliamo|vorrei|desidero|gradisco|intendo) <2>(?:esser\w* <1>"
            r"(?:contattat|disturbat|chiamat|importunat)\w*|sentirvi|(?:niente|nulla) da voi|"
            r"ricevere (?:piu )?(?:niente|nulla))"
        ),
        Phrase(
            r"\b(?:smett\w*|smess\w*|finit\w*|piant\w*|basta|finiamola) <2>(?:di|con) <1>"
            rf"(?:(?:{_IT_DO})\w*|<3><M>)<,M>"
        ),
        Phrase(r"\bbasta (?:con )?<2><M>"),
        Phrase(r"\bdisiscriv\w*|\bdisiscriz\w*"),
        on_all(
            r"\b(?:cancell|rimuov|togli|elimin|lev|tir)\w*(?:mi|ci) <2>(?:da|dal|dalla|dalle|dai|"
            rf"dall|fuori) <3>(?:{_IT_LIST})\b"
        ),
        Phrase(r"\b(?:cancell|annull|disdi)\w* <3>(?:newsletter|mailing|iscrizione alla \w+)\b"),
        implied(
            r"\b(?:cancell|rimuov|togli|elimin|dimentic)\w* (?:il mio|la mia) (?:numero|indirizzo|"
            r"e ?mail|mail|contatto|nominativo)\b"
        ),
        implied(r"\blasci\w*(?:mi|ci) <1>(?:in pace|stare|perdere|tranquill\w*)"),
        implied(r"\b(?:mi|ci) lasci\w* <1>(?:in pace|stare|tranquill\w*)"),
        on_all(
            r"\b(?:mi oppongo|ci opponiamo) <5>(?:pubblicita|marketing|trattamento|comunicazioni|"
            r"uso)\b|\b(?:revoco|ritiro|revocare|ritirare) (?:il )?(?:mio )?consenso\b"
        ),
        Phrase(r"^(?:per favore |vi prego )?(?:niente|mai|nessun\w*) (?:piu )?<1><M>"),
        Phrase(r"\b(?:stuf|stanc)\w* (?:di|delle|dei|del|della) <3><M>"),
    ),
    guards=(
        r"\bnon (?:smett\w*|finit\w*)\b <5>",
        r"\b(?:non|senza) <3>(?:disiscriv\w*|cancellarmi)\b",
        r"\bse mi (?:disiscriv\w*|cancell\w*)\b",
        r"\b(?:perche|come mai|quando)\b .*",
        r"\b(?:mi |ci |vi |ti )?basta (?:una?|solo|soltanto|un)\b",
        r"\b(?:mi|ci|vi|ti) basta\b <5>",
        r"\bnon (?:ho|abbiamo|ricevo|arriva\w*|vedo|trovo|mi arriva\w*|mi avete|ci sono) <4><M>",
        r"\b(?:per sbaglio|per errore)\b .*",
    ),
    everything=r"\b(?:tutt[oaie]|niente|nulla|mai|nessun\w*|qualsiasi)\b",
    trigger=(
        r"non\b|smett|smess|finit|piant|basta|finiamola|disiscri|cancell|rimuov|togli|elimin|"
        r"lev|tir|annull|disdi|dimentic|lasci|oppon|revoc|ritir|niente|mai\b|nessun|stuf|stanc"
    ),
    own_keywords="fine",
)
