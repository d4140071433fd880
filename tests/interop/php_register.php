<?php
// The register of the test contract on PHP's own SoapServer. Run by test_php.py with: php -S 127.0.0.1:PORT
ini_set('soap.wsdl_cache_enabled', '0');

class Register
{
    public function FindPerson($asked)
    {
        $iin = $asked->criteria->iin;
        if ($iin === '000000000000') {
            throw new SoapFault('Server', 'Деректер базасы қолжетімсіз');
        }
        if ($iin === '999999999999') {
            // As raw XML, PHP puts it into the fault without an element around it.
            $code = '<r:RegisterFault xmlns:r="urn:example:register"><r:code>404</r:code></r:RegisterFault>';
            $detail = new SoapVar("<detail>$code</detail>", XSD_ANYXML);
            throw new SoapFault('Client', 'нет такого', null, $detail);
        }
        if ($iin === '111111111111') {
            return ['person' => []];
        }
        $person = [
            'iin' => $iin,
            'name' => 'Әбілқайырұлы Қуаныш Щербаков — «ІҢҒҮҰҚӨҺ»',
            'birthDate' => '1885-03-12',
            'alive' => false,
            'children' => 2,
        ];
        if (!empty($asked->criteria->withAddresses)) {
            $person['address'] = ['Орал қаласы, <1>-үй & "А"', 'г. Уральск', ''];
        }
        return ['person' => [$person, ['address' => []] + $person]];
    }

    public function Count()
    {
        return ['count' => 2147483647];
    }

    public function Notify($asked)
    {
        file_put_contents(getenv('NOTICES'), $asked->text);
    }
}

$server = new SoapServer(getenv('REGISTER_WSDL'), ['encoding' => 'UTF-8']);
$server->setClass('Register');
$server->handle();
